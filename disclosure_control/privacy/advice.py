"""What to ask instead of a plan that costs more than is left: the same for less, or something coarser."""

from collections.abc import Iterator
from decimal import ROUND_UP, Decimal
from typing import TYPE_CHECKING, Any

from disclosure_control.errors import MalformedPrivatePlan, in_rho

if TYPE_CHECKING:
    from disclosure_control.privacy.plan import PrivatePlan

FINEST = Decimal("1e-9")


def what_fits(plan: "PrivatePlan", left: int) -> str:
    """Sentences about questions that cost no more than `left` (billionths of ρ). Looks at no data."""
    found = [*_cheaper(plan, left), *_coarser(plan, left)]
    return " ".join(found) or "Nothing of this question fits into that."


def _cheaper(plan: "PrivatePlan", left: int) -> Iterator[str]:
    """The same question at the price that is left."""
    try:
        errors = plan.at(left).accuracy()
    except MalformedPrivatePlan:
        return
    said = [
        f"“{name}” within ± {each.error:.4g}{' on dummy data' if each.basis == 'dummy data' else ''}"
        for name, each in errors.items()
        if each.error is not None
    ]
    if said:
        yield f"For what is left the same question is answered with 95 % errors of: {', '.join(said)}."


def _coarser(plan: "PrivatePlan", left: int) -> Iterator[str]:
    """Closer bounds on what a unit adds, no totals, or one measure of several, with the error that was asked for."""
    for change, words in _changes(plan):
        price = _price(plan, change)
        if price is not None and price <= left:
            yield f"{words} the same error costs ρ = {in_rho(price)}."


def _changes(plan: "PrivatePlan") -> Iterator[tuple[dict[str, Any], str]]:
    if plan.by and plan.groups_per_unit > 1:
        yield {"groups_per_unit": 1}, "With groups_per_unit=1 (each unit counts in one group)"
    if plan.margins:
        yield {"margins": False}, "Without totals"
    if plan.rows_per_unit > 1:
        yield {"rows_per_unit": 1}, "With rows_per_unit=1"
    if len(plan.measures) > 1:
        yield {"measures": plan.measures[:1]}, f"For “{plan.measures[0].name}” alone"


def _price(plan: "PrivatePlan", change: dict[str, Any]) -> int | None:
    """What the changed plan costs at the first measure's present error; None where that cannot be had or told."""
    name = plan.measures[0].name
    error = plan.accuracy()[name].error
    if error is None:
        return None
    wanted = Decimal(error).quantize(FINEST, ROUND_UP)
    try:
        return plan.changed(**change, price={"kind": "accuracy", "measure": name, "error": wanted}).cost().nano_rho
    except MalformedPrivatePlan:
        return None
