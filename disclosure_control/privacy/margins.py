"""A noisy table with its margins, put together from the releases of several plans, as `make_consistent` takes it."""

from collections.abc import Sequence

import pandas as pd

from disclosure_control.errors import MalformedTable
from disclosure_control.hierarchy import TOTAL
from disclosure_control.privacy.measures import CountRows, CountUnits
from disclosure_control.privacy.plan import PrivatePlan
from disclosure_control.privacy.release import PrivateRelease


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


def _deviation(plan: PrivatePlan, release: PrivateRelease, measure: str) -> float:
    if plan.hash != release.plan:
        raise MalformedTable("A release is not that of the plan beside it. Put each plan beside its own release.")
    if plan.unknown_keys is not None:
        raise MalformedTable("Groups of unknown keys are not all told of, so they do not add up. Ask by public keys.")
    found = next((each for each in plan.measures if each.name == measure), None)
    if not isinstance(found, CountUnits | CountRows):
        raise MalformedTable(f"“{measure}” is not a count of each plan. Put counts together, of the same name in all.")
    return plan.errors().deviation(plan.design.made_of[measure][0])
