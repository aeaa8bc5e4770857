"""A small SQL that is another way to write a plan down: it becomes the same plan, with the same hash and the same cost.

    SELECT site, COUNT(DISTINCT person) AS persons, AVG(spending) AS mean
    FROM visits WHERE year = 'Year 1' AND age >= 18 GROUP BY site

The text is never run. It is parsed into a plan's expressions, and what is not in the grammar is refused with a
sentence. There is one table, that of the dataset; no joins, no sub-queries, no ORDER BY (all groups are answered, in
the order of the catalogue). `COUNT(DISTINCT unit)` is the number of units, `COUNT(*)` that of records; then SUM, AVG,
VAR_POP, STDDEV_POP, MEDIAN and QUANTILE_DISC(x, 0.25).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from pydantic import ValidationError

from disclosure_control.errors import MalformedPrivatePlan
from disclosure_control.privacy.catalogue import PublicDataset
from disclosure_control.privacy.expressions import (
    Arithmetic,
    Case,
    Coalesce,
    Column,
    Compare,
    Expression,
    IsIn,
    IsMissing,
    Not,
    Number,
    Text,
    Truth,
    When,
    all_of,
    any_of,
)
from disclosure_control.privacy.keys import Key
from disclosure_control.privacy.measures import MEASURES, CountRows, CountUnits, Mean, Measure, Quantile, Sum, Variance
from disclosure_control.privacy.mechanisms import Kind
from disclosure_control.privacy.plan import Price, PrivatePlan, Wanted

MOST_CHARACTERS, MOST_DEPTH = 20_000, 50
UNNAMED = "unnamed"
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|\"(?P<quoted>[^\"]+)\""
    r"|'(?P<text>(?:[^']|'')*)'|(?P<sign><>|!=|<=|>=|[-=<>+*(),.;]))"
)
_COMPARISONS = {"=": "==", "<>": "!=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_WORDS = """
select from where group by as and or not in is null case when then else end between true false distinct
"""
_KEYWORDS = frozenset(_WORDS.split())
_AGGREGATES: dict[str, Callable[..., Measure]] = {
    "sum": Sum,
    "avg": Mean,
    "var_pop": Variance,
    "stddev_pop": lambda **facts: Variance(kind="standard_deviation", **facts),
    "median": Quantile,
}


class _Token(NamedTuple):
    kind: Literal["number", "name", "quoted", "text", "sign", "end"]
    value: str
    place: int


@dataclass(frozen=True)
class _Item:
    """One of what is selected: an expression or a measure, and its name if it has one."""

    of: Any
    name: str | None


def plan_from_sql(
    text: str,
    dataset: PublicDataset,
    *,
    price: Price | Wanted,
    groups_per_unit: int = 1,
    rows_per_unit: int = 1,
    mechanism: Kind = "gaussian",
) -> PrivatePlan:
    """The plan that this query states.

    A measure without a name is called by its kind (and column): `count_units`, `mean_spending`.

    Raises:
        MalformedPrivatePlan: a word or construct that is not in the grammar, with its place; or as `PrivatePlan.of`.
    """
    try:
        query = _Parser(_tokens(text), dataset).query()
    except ValidationError as error:
        said = "; ".join(each["msg"].removeprefix("Value error, ") for each in error.errors(include_input=False)[:3])
        raise MalformedPrivatePlan(f"This query holds what a plan cannot: {said}.") from None
    return PrivatePlan.of(
        dataset,
        where=query.where,
        by=query.by,
        measures=query.measures,
        price=price,
        groups_per_unit=groups_per_unit,
        rows_per_unit=rows_per_unit,
        mechanism=mechanism,
    )


@dataclass(frozen=True)
class _Query:
    where: Expression | None
    by: tuple[Key, ...]
    measures: tuple[Measure, ...]


def _tokens(text: str) -> list[_Token]:
    if len(text) > MOST_CHARACTERS:
        raise MalformedPrivatePlan("This query is too long.")
    found, place = [], 0
    while place < len(text.rstrip()):
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            raise _refused(f"“{text[place:].strip()[:1]}”", place, "It is no part of the SQL that plans are written in")
        kind: Any = match.lastgroup
        found.append(_Token(kind, match.group(match.lastgroup), match.start(match.lastgroup)))
        place = match.end()
    return [*found, _Token("end", "", len(text))]


def _refused(what: str, place: int, why: str) -> MalformedPrivatePlan:
    return MalformedPrivatePlan(
        f"{what} (character {place + 1}): {why}. A query selects keys and COUNT, SUM, AVG, … from one table, with "
        "WHERE and GROUP BY."
    )


class _Parser:
    """By recursive descent, one method for each rule of the grammar."""

    def __init__(self, tokens: Sequence[_Token], dataset: PublicDataset) -> None:
        self._tokens, self._dataset, self._at, self.depth = tokens, dataset, 0, 0

    def query(self) -> _Query:
        self._need("select")
        items = self._list(self._item)
        self._need("from")
        table = self._name()
        if table not in {self._dataset.table, self._dataset.name}:
            raise MalformedPrivatePlan(f"There is no table “{table}” here. The table is “{self._dataset.table}”.")
        where = self._condition() if self._take("where") else None
        grouped = self._grouping() if self._take("group") else []
        self._take(";")
        if self._next.kind != "end":
            raise self._no("It comes after the end of the query")
        return _Query(where, _keys(items, grouped), _measures(items))

    def _grouping(self) -> list[Any]:
        self._need("by")
        return self._list(self._sum)

    def _item(self) -> _Item:
        of = self._aggregate() or self._sum()
        return _Item(of, self._name() if self._take("as") else None)

    def _aggregate(self) -> Measure | None:
        following = self._tokens[min(self._at + 1, len(self._tokens) - 1)]
        if self._next.kind != "name" or following.value != "(" or following.kind != "sign":
            return None
        function = self._next.value.lower()
        if function == "count":
            return self._count()
        if function != "quantile_disc" and function not in _AGGREGATES:
            return None
        self._at += 2
        of = self._sum()
        facts: dict[str, Any] = {"of": of, "name": UNNAMED}
        if function == "quantile_disc":
            self._need(",")
            facts["q"] = self._number()
            function = "median"
        self._need(")")
        return _AGGREGATES[function](**facts)

    def _count(self) -> Measure:
        self._at += 2
        if self._take("*"):
            self._need(")")
            return CountRows(name=UNNAMED)
        if not self._take("distinct"):
            raise self._no("COUNT counts records, COUNT(*), or units, COUNT(DISTINCT …)")
        unit = self._name()
        if unit != self._dataset.unit:
            raise MalformedPrivatePlan(f"Only units can be counted as distinct: COUNT(DISTINCT {self._dataset.unit}).")
        self._need(")")
        return CountUnits(name=UNNAMED)

    def _condition(self) -> Expression:
        with _Deeper(self):
            return any_of(*self._several(self._both, "or"))

    def _both(self) -> Expression:
        return all_of(*self._several(self._denied, "and"))

    def _denied(self) -> Expression:
        if self._take("not"):
            with _Deeper(self):
                return Not(of=self._denied())
        return self._comparison()

    def _comparison(self) -> Expression:
        left = self._sum()
        if self._take("is"):
            denied = self._take("not")
            self._need("null")
            return Not(of=IsMissing(of=left)) if denied else IsMissing(of=left)
        denied = self._take("not")
        if self._take("in"):
            self._need("(")
            values = tuple(self._list(self._constant))
            self._need(")")
            return Not(of=IsIn(of=left, values=values)) if denied else IsIn(of=left, values=values)
        if self._take("between"):
            low, high = self._ends()
            within = all_of(Compare(operator=">=", left=left, right=low), Compare(operator="<=", left=left, right=high))
            return Not(of=within) if denied else within
        if denied:
            raise self._no("NOT is followed here by IN or BETWEEN")
        if self._next.kind == "sign" and self._next.value in _COMPARISONS:
            operator: Any = _COMPARISONS[self._move().value]
            return Compare(operator=operator, left=left, right=self._sum())
        return left

    def _ends(self) -> tuple[Expression, Expression]:
        low = self._sum()
        self._need("and")
        return low, self._sum()

    def _sum(self) -> Expression:
        with _Deeper(self):
            return self._chain(self._product, ("+", "-"))

    def _product(self) -> Expression:
        return self._chain(self._atom, ("*",))

    def _chain(self, part: Callable[[], Expression], signs: tuple[str, ...]) -> Expression:
        found = part()
        while self._next.kind == "sign" and self._next.value in signs:
            operator: Any = self._move().value
            found = Arithmetic(operator=operator, left=found, right=part())
        return found

    def _atom(self) -> Expression:
        token = self._next
        if token.kind == "sign":
            return self._signed()
        if token.kind in {"number", "text"}:
            return self._constant()
        word = token.value.lower()
        if token.kind == "name" and word in {"true", "false"}:
            self._move()
            return Truth(value=word == "true")
        if token.kind == "name" and word == "case":
            return self._case()
        if token.kind == "name" and word == "coalesce":
            return self._coalesce()
        return Column(name=self._name())

    def _signed(self) -> Expression:
        if self._take("("):
            found = self._condition()
            self._need(")")
            return found
        if self._next.value == "-":
            return self._constant()
        raise self._no("A column, a constant or a bracket belongs here")

    def _coalesce(self) -> Expression:
        self._move()
        self._need("(")
        terms = tuple(self._list(self._sum))
        self._need(")")
        return Coalesce(terms=terms)

    def _case(self) -> Expression:
        self._move()
        whens = []
        while self._take("when"):
            condition = self._condition()
            self._need("then")
            whens.append(When(condition=condition, value=self._sum()))
        if not whens:
            raise self._no("CASE is followed by WHEN")
        otherwise = self._sum() if self._take("else") else None
        self._need("end")
        return Case(whens=tuple(whens), otherwise=otherwise)

    def _constant(self) -> Number | Text:
        if self._next.kind == "text":
            return Text(value=self._move().value.replace("''", "'"))
        return Number(value=self._number())

    def _number(self) -> Decimal:
        minus = self._take("-")
        if self._next.kind != "number":
            raise self._no("A constant belongs here")
        value = Decimal(self._move().value)
        return -value if minus else value

    def _name(self) -> str:
        token = self._next
        if token.kind == "quoted" or (token.kind == "name" and token.value.lower() not in _KEYWORDS):
            self._move()
            if self._next.value in {"(", "."} and self._next.kind == "sign":
                raise _refused(f"“{token.value}”", token.place, "It is no function or schema that plans know")
            return token.value
        raise self._no("A name belongs here")

    # --------------------------------------------------------------------------------------------- tokens

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _move(self) -> _Token:
        token = self._next
        self._at += token.kind != "end"
        return token

    def _take(self, value: str) -> bool:
        token = self._next
        found = token.kind in {"name", "sign"} and token.value.lower() == value
        self._at += found
        return found

    def _need(self, value: str) -> None:
        if not self._take(value):
            raise self._no(f"{value.upper()} belongs here")

    def _list(self, part: Callable[[], Any]) -> list[Any]:
        return self._several(part, ",")

    def _several(self, part: Callable[[], Any], between: str) -> list[Any]:
        found = [part()]
        while self._take(between):
            found.append(part())
        return found

    def _no(self, why: str) -> MalformedPrivatePlan:
        token = self._next
        return _refused(f"“{token.value[:30]}”" if token.value else "The end of the query", token.place, why)


class _Deeper:
    """Counts how deep the parser is, so that no text can end the process."""

    def __init__(self, parser: _Parser) -> None:
        self._parser = parser

    def __enter__(self) -> None:
        self._parser.depth += 1
        if self._parser.depth > MOST_DEPTH:
            raise MalformedPrivatePlan("This query is nested too deeply.")

    def __exit__(self, *_error: object) -> None:
        self._parser.depth -= 1


def _keys(items: Sequence[_Item], grouped: Sequence[Any]) -> tuple[Key, ...]:
    """The keys, in the order in which they are selected. Raises unless these are what is grouped by."""
    named = {item.name: item.of for item in items if item.name is not None}
    by = [named.get(each.name, each) if isinstance(each, Column) and each.name in named else each for each in grouped]
    keys = [item for item in items if not isinstance(item.of, MEASURES)]
    if sorted(each.of.model_dump_json() for each in keys) != sorted(each.model_dump_json() for each in by):
        raise MalformedPrivatePlan("What is selected beside COUNT, SUM, AVG, … is what is grouped by, each once.")
    return tuple(Key(name=item.name or _called(item.of, place), of=item.of) for place, item in enumerate(keys))


def _called(of: Any, place: int) -> str:
    return of.name if isinstance(of, Column) else f"key_{place + 1}"


def _measures(items: Sequence[_Item]) -> tuple[Measure, ...]:
    found: list[Measure] = []
    for item in items:
        if isinstance(item.of, MEASURES):
            name = item.name or _measure_name(item.of)
            found.append(item.of.model_copy(update={"name": name}))
    if not found:
        raise MalformedPrivatePlan("A private query asks for something: COUNT(*), COUNT(DISTINCT …), SUM, AVG, …")
    return tuple(found)


def _measure_name(measure: Any) -> str:
    of = getattr(measure, "of", None)
    return f"{measure.kind}_{of.name}" if isinstance(of, Column) else str(measure.kind)
