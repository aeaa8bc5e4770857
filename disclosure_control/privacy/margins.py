"""Noisy tables with their margins, of one plan or put together from several, as `make_consistent` takes them."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from disclosure_control.errors import MalformedTable
from disclosure_control.hierarchy import TOTAL
from disclosure_control.privacy.consistency import (
    RESULTS,
    ConsistentTable,
    consistent_half_widths,
    make_consistent,
)
from disclosure_control.privacy.measures import CountRows, CountUnits
from disclosure_control.privacy.plan import PrivatePlan
from disclosure_control.privacy.release import PrivateRelease
from disclosure_control.privacy.totals import codes_with_totals

COLUMNS = frozenset({*RESULTS, "deviation"})


def noisy_cells(released: Sequence[tuple[PrivatePlan, PrivateRelease]], measure: str) -> pd.DataFrame:
    """One row for every group of every release: its codes (“_T” for a key that the plan does not have), and its noise.

    Args:
        released: plans with their releases: by all keys, by fewer of them, by none. A key has the same name in all.
        measure: the count's name, the same in all plans.

    Returns:
        A column of codes for each key; `value`: the noisy count; `deviation`: the standard deviation of its noise.

    Raises:
        MalformedTable: a release of another plan, a measure that is no count, or keys that are not public.
    """
    keys = list(dict.fromkeys(name for _, release in released for name in release.keys))
    rows = []
    for plan, release in released:
        deviation = _deviation(plan, release, measure)
        for codes, answer in zip(release.codes, release.answers[measure], strict=True):
            named = dict.fromkeys(keys, TOTAL) | dict(zip(release.keys, codes, strict=True))
            rows.append(named | {"value": answer.value, "deviation": deviation})
    return pd.DataFrame(rows, columns=[*keys, "value", "deviation"])


def consistent_release(plan: PrivatePlan, release: PrivateRelease, measure: str) -> ConsistentTable:
    """The noisy counts of a plan with `margins`, made to add up: cells in the order of its codes.

    Reads noisy numbers alone, so it costs nothing.

    Raises:
        MalformedTable: the release is another plan's, the plan has no margins, or there are too many cells.
        ConsistencyFailed, RoundingFailed: as `make_consistent`.
    """
    require_consistent(plan)
    cells = noisy_cells([(plan, release)], measure)
    found = make_consistent(cells, dict.fromkeys(release.keys), "deviation", mechanism=plan.mechanism)
    return replace(found, cells=cells[[*release.keys]].merge(found.cells, how="left"))


def consistent_errors(plan: PrivatePlan, measure: str) -> pd.DataFrame:
    """How exact least squares will make every count of a plan with `margins`; free, and no data is read.

    Returns:
        One row for every cell: its codes, and `half_width` of its 95 % interval.

    Raises:
        MalformedTable: as `consistent_release`.
    """
    require_consistent(plan)
    keys = [domain.name for domain in plan.design.domains]
    cells = pd.DataFrame(codes_with_totals(plan.design.domains), columns=keys)
    deviation = plan.errors().deviation(plan.design.made_of[measure][0])
    return cells.merge(consistent_half_widths(cells, dict.fromkeys(keys), deviation, mechanism=plan.mechanism))


def require_consistent(plan: PrivatePlan) -> None:
    """Raise `MalformedTable` for a plan whose answer is no table that can be made to add up."""
    if not plan.margins:
        raise MalformedTable("This plan has no margins, so there is nothing to add up. Ask it with margins=True.")
    taken = {domain.name for domain in plan.design.domains} & COLUMNS
    if taken:
        raise MalformedTable(f"A key is called “{min(taken)}”, as a column of the result. Rename it.")


def _deviation(plan: PrivatePlan, release: PrivateRelease, measure: str) -> float:
    if plan.hash != release.plan:
        raise MalformedTable("A release is not that of the plan beside it. Put each plan beside its own release.")
    if plan.unknown_keys is not None:
        raise MalformedTable("Groups of unknown keys are not all told of, so they do not add up. Ask by public keys.")
    found = next((each for each in plan.measures if each.name == measure), None)
    if not isinstance(found, CountUnits | CountRows):
        raise MalformedTable(f"“{measure}” is not a count of each plan. Put counts together, of the same name in all.")
    return plan.errors().deviation(plan.design.made_of[measure][0])
