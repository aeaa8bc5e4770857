"""What an expression means: its type, with bounds that hold for all data, and SQL that cannot fail on any data.

Numbers are whole multiples of 10^-places in BIGINT. Every node's bounds follow from those of the catalogue by interval
arithmetic and must lie within 2⁶²: so no row can overflow, whatever is in it. Division by zero is missing; NaN is
missing; infinities are clamped. An error that depends on data would tell of the data; there is none.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, TypeAlias

from disclosure_control.errors import MalformedPrivatePlan
from disclosure_control.privacy.catalogue import WORD, Frozen, PublicDataset, plain, whole
from disclosure_control.privacy.decoding import bounds_of, clamped, integer, text
from disclosure_control.privacy.expressions import (
    And,
    Arithmetic,
    Case,
    Clamp,
    Coalesce,
    Column,
    Compare,
    Cut,
    Divide,
    IsIn,
    IsMissing,
    Not,
    Number,
    Or,
    Person,
    Round,
    Text,
    Truth,
)

SQL_COMPARISONS = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
MOST_SQL = 200_000  # characters of one expression


@dataclass(frozen=True)
class NumberType:
    """Whole multiples of 10^-places, from `lower` to `upper` (both in these multiples)."""

    lower: int
    upper: int
    places: int
    missing: bool

    @property
    def most(self) -> int:
        return max(abs(self.lower), abs(self.upper))


@dataclass(frozen=True)
class TextType:
    """One of these labels. `public`: the list is public, so a table may be made by it."""

    labels: tuple[str, ...]
    public: bool
    missing: bool


@dataclass(frozen=True)
class TruthType:
    public: bool
    missing: bool


Type: TypeAlias = NumberType | TextType | TruthType


@dataclass(frozen=True)
class Compiled:
    sql: str
    type: Type


@dataclass
class Compiler:
    """Compiles expressions over one dataset; collects the columns and the features of units that they need."""

    dataset: PublicDataset
    columns: dict[str, str] = field(default_factory=dict)
    features: dict[str, str] = field(default_factory=dict)
    _inside: bool = False
    _known: dict[tuple[bool, Frozen], Compiled] = field(default_factory=dict)

    def compile(self, node: Frozen) -> Compiled:
        """Its SQL over decoded columns, and its type. Raises `MalformedPrivatePlan`, which says what does not fit."""
        known = self._known.get((self._inside, node))
        if known is None:
            known = self._known[self._inside, node] = _NODES[type(node)](self, node)
            if len(known.sql) > MOST_SQL:
                raise MalformedPrivatePlan("This expression is too long. Nest less, or cut into fewer intervals.")
        return known

    def number(self, node: Frozen, what: str) -> tuple[str, NumberType]:
        found = self.compile(node)
        if not isinstance(found.type, NumberType):
            raise MalformedPrivatePlan(f"{what} needs a number, and {_named(node)} is none.")
        return found.sql, found.type

    def truth(self, node: Frozen, what: str) -> tuple[str, TruthType]:
        found = self.compile(node)
        if not isinstance(found.type, TruthType):
            raise MalformedPrivatePlan(f"{what} needs a condition, and {_named(node)} is none.")
        return found.sql, found.type

    def features_of(self, node: Person) -> Compiled:
        if self._inside:
            raise MalformedPrivatePlan("A feature of a unit cannot be made of another feature. Use columns in it.")
        self._inside = True
        try:
            aggregate, kind = _feature(self, node)
        finally:
            self._inside = False
        alias = self.features.setdefault(aggregate, f"_f{len(self.features)}")
        return Compiled(alias, kind)


def _kept_missing(sql: str, value: str, kind: NumberType) -> str:
    """greatest() and least() pass over NULL: what is missing has to stay so."""
    return f"CASE WHEN ({value}) IS NULL THEN NULL ELSE {sql} END" if kind.missing else sql


def _named(node: Frozen) -> str:
    return f"“{node.name}”" if isinstance(node, Column) else f"“{getattr(node, 'op', 'this')}”"


def _checked(lower: int, upper: int, places: int, missing: bool, what: str) -> NumberType:
    if max(abs(lower), abs(upper)) > WORD:
        raise MalformedPrivatePlan(
            f"{what} can be too large for 64 bits. Clamp what goes into it, or round it to fewer decimal places."
        )
    return NumberType(lower, upper, places, missing)


def _column(compiler: Compiler, node: Column) -> Compiled:
    column = compiler.dataset.column(node.name)
    if column is None:
        names = ", ".join(each.name for each in compiler.dataset.columns) or "none"
        raise MalformedPrivatePlan(f"“{node.name}” is no column that a plan can use. There are: {names}.")
    alias = compiler.columns.setdefault(node.name, f"_c{len(compiler.columns)}")
    match column.kind:
        case "boolean":
            return Compiled(alias, TruthType(column.key, column.missing))
        case "category":
            return Compiled(alias, TextType(column.labels, column.key, column.missing))
        case _:
            lower, upper = bounds_of(column)
            return Compiled(alias, NumberType(lower, upper, column.places, column.missing))


def _number(_compiler: Compiler, node: Number) -> Compiled:
    places = max(0, -int(node.value.as_tuple().exponent))
    value = whole(node.value, places)
    return Compiled(integer(value), _checked(value, value, places, False, "A constant"))


def _constant_text(_compiler: Compiler, node: Text) -> Compiled:
    return Compiled(text(node.value), TextType((node.value,), True, False))


def _truth(_compiler: Compiler, node: Truth) -> Compiled:
    return Compiled("true" if node.value else "false", TruthType(True, False))


def _at(sql: str, kind: NumberType, places: int, what: str) -> tuple[str, NumberType]:
    """The same number in smaller multiples."""
    if places == kind.places:
        return sql, kind
    factor = 10 ** (places - kind.places)
    wider = _checked(kind.lower * factor, kind.upper * factor, places, kind.missing, what)
    return f"({sql} * {factor}::BIGINT)", wider


def _alike(compiler: Compiler, terms: Sequence[Frozen], what: str) -> tuple[list[str], Type]:
    """The terms in one type, which holds them all."""
    found = [compiler.compile(term) for term in terms]
    types = [each.type for each in found]
    missing = any(each.missing for each in types)
    if all(isinstance(each, NumberType) for each in types):
        numbers = [each for each in types if isinstance(each, NumberType)]
        places = max(each.places for each in numbers)
        pairs = [_at(each.sql, kind, places, what) for each, kind in zip(found, numbers, strict=True)]
        lower, upper = min(kind.lower for _, kind in pairs), max(kind.upper for _, kind in pairs)
        return [sql for sql, _ in pairs], NumberType(lower, upper, places, missing)
    sides = [each.sql for each in found]
    if all(isinstance(each, TextType) for each in types):
        texts = [each for each in types if isinstance(each, TextType)]
        labels = tuple(dict.fromkeys(label for each in texts for label in each.labels))
        return sides, TextType(labels, all(each.public for each in texts), missing)
    if all(isinstance(each, TruthType) for each in types):
        return sides, TruthType(all(each.public for each in types if isinstance(each, TruthType)), missing)
    raise MalformedPrivatePlan(f"{what} needs things of one kind: numbers, categories or conditions, not a mixture.")


def _compare(compiler: Compiler, node: Compare) -> Compiled:
    (left, right), kind = _alike(compiler, (node.left, node.right), "A comparison")
    if not isinstance(kind, NumberType) and node.operator not in {"==", "!="}:
        raise MalformedPrivatePlan("Categories and conditions have no order: compare them with ==, != or in.")
    _require_labels(compiler, node.left, node.right)
    _require_labels(compiler, node.right, node.left)
    return Compiled(f"({left} {SQL_COMPARISONS[node.operator]} {right})", TruthType(True, kind.missing))


def _require_labels(compiler: Compiler, of: Frozen, constant: Frozen) -> None:
    kind = compiler.compile(of).type
    if isinstance(constant, Text) and isinstance(kind, TextType) and constant.value not in kind.labels:
        known = ", ".join(kind.labels[:20]) + (", …" if len(kind.labels) > 20 else "")
        raise MalformedPrivatePlan(f"“{constant.value}” is no category of {_named(of)}. There are: {known}.")


def _is_in(compiler: Compiler, node: IsIn) -> Compiled:
    for value in node.values:
        _require_labels(compiler, node.of, value)
    (of, *values), kind = _alike(compiler, (node.of, *node.values), "“in”")
    return Compiled(f"({of} IN ({', '.join(values)}))", TruthType(True, kind.missing))


def _joined(word: str) -> Callable[[Compiler, Any], Compiled]:
    def compile_terms(compiler: Compiler, node: Any) -> Compiled:
        found = [compiler.truth(term, f"“{node.op}”") for term in node.terms]
        missing = any(kind.missing for _, kind in found)
        return Compiled("(" + f" {word} ".join(sql for sql, _ in found) + ")", TruthType(True, missing))

    return compile_terms


def _not(compiler: Compiler, node: Not) -> Compiled:
    sql, kind = compiler.truth(node.of, "“not”")
    return Compiled(f"(NOT {sql})", replace(kind, public=True))


def _is_missing(compiler: Compiler, node: IsMissing) -> Compiled:
    return Compiled(f"({compiler.compile(node.of).sql} IS NULL)", TruthType(True, False))


def _arithmetic(compiler: Compiler, node: Arithmetic) -> Compiled:
    what = f"“{node.operator}”"
    left, left_kind = compiler.number(node.left, what)
    right, right_kind = compiler.number(node.right, what)
    missing = left_kind.missing or right_kind.missing
    if node.operator == "*":
        corners = [a * b for a in (left_kind.lower, left_kind.upper) for b in (right_kind.lower, right_kind.upper)]
        places = left_kind.places + right_kind.places
        return Compiled(f"({left} * {right})", _checked(min(corners), max(corners), places, missing, "A product"))
    places = max(left_kind.places, right_kind.places)
    left, left_kind = _at(left, left_kind, places, "A sum")
    right, right_kind = _at(right, right_kind, places, "A sum")
    low, high = right_kind.lower, right_kind.upper
    if node.operator == "-":
        low, high = -high, -low
    kind = _checked(left_kind.lower + low, left_kind.upper + high, places, missing, "A sum")
    return Compiled(f"({left} {node.operator} {right})", kind)


def _divide(compiler: Compiler, node: Divide) -> Compiled:
    over, over_kind = compiler.number(node.left, "“/”")
    under, under_kind = compiler.number(node.right, "“/”")
    more = under_kind.places - over_kind.places + node.places
    if more > 0:
        over, over_kind = _at(over, over_kind, over_kind.places + more, "A quotient")
    elif more < 0:
        under, under_kind = _at(under, under_kind, under_kind.places - more, "A quotient")
    same_sign = under_kind.lower > 0 or under_kind.upper < 0
    least = min(abs(under_kind.lower), abs(under_kind.upper)) if same_sign else 1
    most = over_kind.most // least
    missing = over_kind.missing or under_kind.missing or not same_sign
    kind = _checked(-most, most, node.places, missing, "A quotient")
    return Compiled(f"(CASE WHEN {under} <> 0 THEN {over} // {under} END)", kind)


def _clamp(compiler: Compiler, node: Clamp) -> Compiled:
    sql, kind = compiler.number(node.of, "A clamp")
    places = max(kind.places, *(max(0, -int(each.as_tuple().exponent)) for each in (node.lower, node.upper)))
    sql, kind = _at(sql, kind, places, "A clamp")
    lower, upper = whole(node.lower, places), whole(node.upper, places)
    bounded = NumberType(min(max(kind.lower, lower), upper), max(min(kind.upper, upper), lower), places, kind.missing)
    return Compiled(_kept_missing(clamped(sql, lower, upper), sql, kind), bounded)


def _round(compiler: Compiler, node: Round) -> Compiled:
    sql, kind = compiler.number(node.of, "Rounding")
    if node.places >= kind.places:
        return Compiled(*_at(sql, kind, node.places, "Rounding"))
    factor = 10 ** (kind.places - node.places)
    half = factor // 2
    rounded = f"(CASE WHEN {sql} < 0 THEN {sql} - {half} ELSE {sql} + {half} END // {factor}::BIGINT)"
    most = (kind.most + half) // factor
    lower, upper = (-most if kind.lower < 0 else 0), (most if kind.upper > 0 else 0)
    return Compiled(rounded, NumberType(lower, upper, node.places, kind.missing))


def _case(compiler: Compiler, node: Case) -> Compiled:
    values = [each.value for each in node.whens] + ([node.otherwise] if node.otherwise is not None else [])
    sides, kind = _alike(compiler, values, "“case”")
    conditions = [compiler.truth(each.condition, "“case”")[0] for each in node.whens]
    arms = " ".join(
        f"WHEN {condition} THEN {value}" for condition, value in zip(conditions, sides[: len(conditions)], strict=True)
    )
    last = f" ELSE {sides[-1]}" if node.otherwise is not None else ""
    return Compiled(f"(CASE {arms}{last} END)", replace(kind, missing=kind.missing or node.otherwise is None))


def _coalesce(compiler: Compiler, node: Coalesce) -> Compiled:
    sides, kind = _alike(compiler, node.terms, "“coalesce”")
    missing = all(compiler.compile(term).type.missing for term in node.terms)
    return Compiled(f"coalesce({', '.join(sides)})", replace(kind, missing=missing))


def _cut(compiler: Compiler, node: Cut) -> Compiled:
    sql, kind = compiler.number(node.of, "A cut")
    places = max(kind.places, *(max(0, -int(edge.as_tuple().exponent)) for edge in node.edges))
    sql, kind = _at(sql, kind, places, "A cut")
    arms = " ".join(
        f"WHEN {sql} < {integer(whole(edge, places))} THEN {text(label)}"
        for edge, label in zip(node.edges, node.labels[:-1], strict=True)
    )
    missing = f"WHEN {sql} IS NULL THEN NULL " if kind.missing else ""
    sql = f"(CASE {missing}{arms} ELSE {text(node.labels[-1])} END)"
    return Compiled(sql, TextType(node.labels, True, kind.missing))


def _feature(compiler: Compiler, node: Person) -> tuple[str, Type]:
    where = None if node.where is None else compiler.truth(node.where, "A feature's `where`")[0]
    kept = "" if where is None else f" FILTER (WHERE {where})"
    if node.feature == "any":
        return f"coalesce(bool_or({where}), false)", TruthType(True, False)
    if node.feature == "count":
        upper = int(node.upper or 0)
        return f"least(count(*){kept}, {integer(upper)})", NumberType(0, upper, 0, False)
    if node.of is None:
        raise MalformedPrivatePlan(f"A unit's {node.feature} is of something. Name it.")
    sql, kind = compiler.number(node.of, f"A unit's {node.feature}")
    if node.feature != "sum":
        return f"{node.feature}({sql}){kept}", replace(kind, missing=True)
    bounds = [node.lower or Decimal(0), node.upper or Decimal(0)]
    places = max(kind.places, *(max(0, -int(each.as_tuple().exponent)) for each in bounds))
    sql, kind = _at(sql, kind, places, "A unit's sum")
    lower, upper = (whole(each, places) for each in bounds)
    added = f"coalesce(sum({sql}){kept}, 0)::HUGEINT"
    return f"({clamped(added, lower, upper, 'HUGEINT')})::BIGINT", NumberType(lower, upper, places, False)


def _person(compiler: Compiler, node: Person) -> Compiled:
    return compiler.features_of(node)


_NODES: Mapping[type[Frozen], Callable[[Compiler, Any], Compiled]] = {
    Column: _column,
    Number: _number,
    Text: _constant_text,
    Truth: _truth,
    Compare: _compare,
    IsIn: _is_in,
    And: _joined("AND"),
    Or: _joined("OR"),
    Not: _not,
    IsMissing: _is_missing,
    Arithmetic: _arithmetic,
    Divide: _divide,
    Clamp: _clamp,
    Round: _round,
    Case: _case,
    Coalesce: _coalesce,
    Cut: _cut,
    Person: _person,
}


def label_of(value: object, kind: Type) -> str:
    """A key's value as it is published."""
    if isinstance(kind, NumberType):
        return plain(Decimal(int(str(value))).scaleb(-kind.places))
    if isinstance(kind, TruthType):
        return "true" if value else "false"
    return str(value)
