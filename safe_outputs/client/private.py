"""Differentially private statistics: noise is added by the checker and paid for from the budget.

    question = so.private.mean(visits.income, by=visits.site, rho=0.05)
    question.preview()                   # free: the error, the price, what is left, and the form of the answer
    question.price(), question.accuracy()  # free: the same as numbers, of one preview
    answer = question.ask()              # spends ρ = 0.05

Every function makes a question; nothing is read and nothing is paid before `ask`. The same question asked again is
answered with the same numbers and costs nothing. Questions with the same groups go together, at one price: `a & b`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

from safe_outputs.answers import NANO, Answer
from safe_outputs.client.asking import Asked, ask
from safe_outputs.client.expressions import Derived, Value, condition_of, dataset_of, key_of, node_of
from safe_outputs.client.gate import Refused
from safe_outputs.client.room import Column, Source, Where, present_room
from safe_outputs.statistics import Node, Private, PrivateKey, UnknownKeys, in_words, plan_hash

USUAL_DELTA = 1e-6

Keys = Column | Derived | Sequence[Column | Derived] | None


@dataclass(frozen=True)
class Question:
    """A private statistic that has not been asked yet."""

    plan: Private

    def preview(self) -> Asked:
        """The error of each answer, the price, what is left, and the form of the answer, with made-up numbers; free."""
        return _previewed(self.plan)

    def price(self) -> float:
        """What it would cost, in ρ: of a wanted accuracy the least that buys it. Free."""
        quote = _known(self.plan).preview
        if quote is None:
            raise Refused("Saferoom told no price. Tell the operator.", 502)
        return quote.nano_rho / NANO

    def accuracy(self) -> dict[str, float | None]:
        """How far noise takes each answer at most, with 95 % probability, in its own units, by its name. Free.

        Of a regression each coefficient has one. What is said of a quantile or a coefficient holds if values are spread
        evenly between their bounds, as in the preview's made-up data; the preview says so, and what holds of a quantile
        whatever the data is. None: at this price the noise would leave no coefficients.
        """
        noise = _known(self.plan).noise
        return {} if noise is None else {each.measure: each.error for each in noise.errors}

    def ask(self) -> Asked:
        """The answer, paid from the budget. Raises `Refused` with the reason, for example how much is left."""
        return ask(lambda: self.plan)

    def __and__(self, other: "Question") -> "Question":
        """Both questions as one, at the price of the first, which they share."""
        mine, others = self.plan, other.plan
        same = mine.model_copy(update={"measures": others.measures, "price": others.price})
        if same != others:
            raise Refused("Questions go together if they ask about the same groups, conditions and bounds.", 422)
        taken = {str(each["name"]) for each in mine.measures}
        added = tuple(each | {"name": _free(str(each["name"]), taken)} for each in others.measures)
        return Question(mine.model_copy(update={"measures": (*mine.measures, *added)}))

    def __repr__(self) -> str:
        return f"{in_words(self.plan)} {self._price()} Not asked yet: .preview() is free, .ask() pays."

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>"

    def _price(self) -> str:
        rho, unknown = self.plan.price.get("nano_rho"), self.plan.unknown_keys
        delta = f" and δ = {unknown.nano_delta / NANO:g}" if unknown is not None else ""
        return f"Costs ρ = {rho / NANO:g}{delta}." if isinstance(rho, int) else f"Costs what its accuracy needs{delta}."


def _previewed(plan: Private) -> Asked:
    asked = ask(lambda: plan.model_copy(update={"preview": True}))
    present_room().previews[plan_hash(plan)] = asked.answer
    return asked


def _known(plan: Private) -> Answer:
    """What a preview says of this question: price and error stay as they are, so one preview tells both."""
    return present_room().previews.get(plan_hash(plan)) or _previewed(plan).answer


def _free(name: str, taken: set[str]) -> str:
    number, found = 2, name
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    return found


@dataclass(frozen=True)
class Terms:
    """What all questions have in common: groups, conditions, bounds and price."""

    by: Keys = None
    where: Where | Derived | None = None
    rho: float | None = None
    error: float | None = None
    groups_per_unit: int = 1
    rows_per_unit: int = 1
    group_size: int = 1000
    mechanism: str = "gaussian"
    unknown_keys: bool = False
    delta: float | None = None
    margins: bool = False


def count(source: Source | Column, **terms: Any) -> Question:
    """Distinct units, in all or for every public key of `by`.

    Args:
        by: a column whose categories are public keys, `cut`, or several of these.
        where: conditions on columns.
        rho: the price, in ρ of zero-concentrated differential privacy; less is noisier and cheaper.
        error: instead of `rho`: the 95 % error that the answer may have, in its own units; the least price is paid.
        groups_per_unit: in how many groups one unit may count at most. Where units belong to more (a person to
            several years), counts are too low; ask for more groups, at the price of more noise.
        rows_per_unit: with how many records a unit counts in a group at most.
        group_size: for `error` of means, variances and quantiles: how many records a group has, about.
        mechanism: "gaussian" or "laplace".
        unknown_keys: the values of `by` are not public: only those are told of that enough units have. Any column will
            do. That costs `delta` beside ρ.
        delta: how likely a value may be told of that one unit alone has; 1e-6 unless given.
        margins: the totals over every choice of keys, too, at the same price; cells and totals are made to add up, in
            whole numbers that are not negative. For counts by public keys.

    Raises:
        Refused: with the reason and what to do next.
    """
    return _question(source.name if isinstance(source, Source) else source.dataset, {"kind": "count_units"}, terms)


def records(source: Source, **terms: Any) -> Question:
    """Records, as `count`; each unit's up to `rows_per_unit`."""
    return _question(source.name, {"kind": "count_rows"}, terms)


def total(of: Column | Derived, **terms: Any) -> Question:
    """The sum of a number, whose bounds are the catalogue's or those of `clamp`. Further arguments as in `count`."""
    return _measured("sum", of, terms)


def mean(of: Column | Derived, **terms: Any) -> Question:
    """The mean of a number over records. Further arguments as in `count`."""
    return _measured("mean", of, terms)


def variance(of: Column | Derived, **terms: Any) -> Question:
    """The variance of a number over records. Further arguments as in `count`."""
    return _measured("variance", of, terms)


def standard_deviation(of: Column | Derived, **terms: Any) -> Question:
    """The standard deviation of a number over records. Further arguments as in `count`."""
    return _measured("standard_deviation", of, terms)


def quantile(of: Column | Derived, q: float, *, steps: int = 200, **terms: Any) -> Question:
    """The number that leaves a share `q` of the records below; one of `steps` + 1 from bound to bound."""
    return _measured("quantile", of, terms, q=f"{q:g}", steps=steps)


def median(of: Column | Derived, *, steps: int = 200, **terms: Any) -> Question:
    """The quantile 0.5."""
    return quantile(of, 0.5, steps=steps, **terms)


def histogram(of: Column, edges: Sequence[Value], **terms: Any) -> Question:
    """Distinct units in each interval of a number: under the first edge, from edge to edge, from the last edge on."""
    return count(of, **({"by": cut(of, edges)} | terms))


def crosstab(*by: Column | Derived, **terms: Any) -> Question:
    """Distinct units by every combination of public keys; with `margins=True` with totals, made to add up."""
    return _question(dataset_of(by[0]) if by else "", {"kind": "count_units"}, {"by": list(by)} | terms)


def regression(of: Column | Derived, on: Sequence[Column | Derived], **terms: Any) -> Question:
    """Least squares of a number on others, with standard errors that count the noise too."""
    return _measured("regression", of, terms, on=[node_of(each) for each in on])


def cut(of: Column | Derived, edges: Sequence[Value]) -> Derived:
    """The interval in which a number lies; a key for `by`."""
    node: Node = {"op": "cut", "of": node_of(of), "edges": [str(edge) for edge in edges]}
    return Derived(dataset_of(of), f"{of.name}_interval", node)


def clamp(of: Column | Derived, lower: Value, upper: Value) -> Derived:
    """A number kept between closer bounds than the catalogue's: less noise, and less of what lies beyond them."""
    node: Node = {"op": "clamp", "of": node_of(of), "lower": str(lower), "upper": str(upper)}
    return Derived(dataset_of(of), of.name, node)


def per_unit(
    feature: str,
    of: Column | Derived | None = None,
    *,
    where: Where | Derived | None = None,
    lower: Value | None = None,
    upper: Value | None = None,
) -> Derived:
    """One value for a unit from all its records: "any", "count", "min", "max" or "sum".

    "any" says whether `where` is true of one of them; "count" and "sum" need an upper bound, "sum" a lower one too.
    """
    named = of if of is not None else where
    if named is None or (isinstance(named, Where) and not named.conditions):
        raise Refused("A feature of a unit is made of a column: give `of` or `where`.", 422)
    dataset = dataset_of(named)
    node: Node = {
        "op": "person",
        "feature": feature,
        "of": None if of is None else node_of(of),
        "where": None if where is None else condition_of(where),
        "lower": None if lower is None else str(lower),
        "upper": None if upper is None else str(upper),
    }
    return Derived(dataset, f"{feature}_{of.name}" if of is not None else feature, node)


def _measured(kind: str, of: Column | Derived, terms: dict[str, Any], **more: Any) -> Question:
    return _question(dataset_of(of), {"kind": kind, "of": node_of(of), **more}, terms, name=f"{kind}_{of.name}")


def _question(dataset: str, measure: Node, given: dict[str, Any], name: str = "") -> Question:
    try:
        terms = replace(Terms(), **given)
    except TypeError:
        known = ", ".join(Terms.__dataclass_fields__)
        raise Refused(f"There is no such argument here. Known are: {known}.", 422) from None
    measure = {"name": (name or str(measure["kind"]))[:63], **measure}
    keys = [] if terms.by is None else [terms.by] if isinstance(terms.by, Column | Derived) else list(terms.by)
    if any(dataset_of(each) != dataset for each in keys):
        raise Refused("One statistic is computed from one dataset. Choose keys of the same one.", 422)
    plan = Private(
        dataset=dataset,
        filter=None if terms.where is None else condition_of(terms.where),
        by=tuple(PrivateKey(name=each.name, of=key_of(each)) for each in keys),
        unknown_keys=_unknown(terms),
        margins=terms.margins,
        groups_per_unit=terms.groups_per_unit,
        rows_per_unit=terms.rows_per_unit,
        measures=(measure,),
        mechanism="laplace" if terms.mechanism == "laplace" else "gaussian",
        price=_price_of(terms, str(measure["name"])),
    )
    return Question(plan)


def _unknown(terms: Terms) -> UnknownKeys | None:
    """What it may cost in δ that keys are not public."""
    if not terms.unknown_keys:
        if terms.delta is not None:
            raise Refused("delta is paid for keys that are not public. Say unknown_keys=True, or leave delta out.", 422)
        return None
    delta = USUAL_DELTA if terms.delta is None else terms.delta
    if not 1 / NANO <= delta < 1:
        raise Refused("delta is a chance that is very small: from 1e-9 on, and far below 1, for example 1e-6.", 422)
    return UnknownKeys(nano_delta=round(delta * NANO))


def _price_of(terms: Terms, measure: str) -> Node:
    if (terms.rho is None) == (terms.error is None):
        raise Refused("Say either what it may cost (rho=0.05) or how wrong it may be (error=20).", 422)
    if terms.error is not None:
        if not 0 < terms.error < float("inf"):
            raise Refused("error is how wrong the answer may be: a positive number, in the answer's own units.", 422)
        return {"kind": "accuracy", "measure": measure, "error": f"{terms.error:f}", "group_size": terms.group_size}
    if terms.rho is None or not 0 < terms.rho < float("inf"):
        raise Refused("rho is the price of the statistic: a positive number, for example 0.05.", 422)
    return {"kind": "rho", "nano_rho": max(1, round(terms.rho * NANO))}
