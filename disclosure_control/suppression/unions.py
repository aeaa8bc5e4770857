"""Sensitive unions: primary cells of one equation whose sum breaks a rule too.

Where they are the only withheld parts of a published total, that sum is what the subtraction gives. Two cells with one
contributor each, say, protect each other from the public, yet each contributor has the other's value by subtraction;
and two cells below the threshold may together still be below it (Handbook on SDC, section 4.3; in the Statistics Canada
systems: aggregates of type A). The sum becomes a virtual cell with the protection that the rules ask for.

Units that contribute to several of the cells are counted several times: only cells are known here, not microdata.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from disclosure_control.profiles import RuleProfile
from disclosure_control.rules import assess
from disclosure_control.structure import Relation
from disclosure_control.suppression.problem import Indices, Mask
from disclosure_control.table import Table


class Union(NamedTuple):
    """A sum of cells that needs protection."""

    cells: Indices
    value: float
    lower: float
    upper: float


def sensitive_unions(
    relations: Sequence[Relation], facts: pd.DataFrame, primary: Mask, like: Table, profile: RuleProfile
) -> list[Union]:
    """The unions that break a rule of the profile. `like` says what kind of table the facts are of."""
    found = {}
    for relation in relations:
        parts = relation.parts[primary[relation.parts]]
        if len(parts) > 1 and not primary[relation.total]:
            found[tuple(sorted(parts.tolist()))] = np.sort(parts)
    sets = [found[key] for key in sorted(found)]
    if not sets:
        return []
    merged = _merged(facts, sets)
    verdict, _ = assess(Table(like.dimensions, merged, like.value_name, like.unit_name), profile)
    rows = zip(sets, merged["value"], verdict["lower_protection"], verdict["upper_protection"], strict=True)
    return [Union(*row) for row, broken in zip(rows, verdict["primary"], strict=True) if broken]


def _merged(facts: pd.DataFrame, sets: list[Indices]) -> pd.DataFrame:
    """One row of facts per union: sums, and the largest of all the largest."""
    cells, union = np.concatenate(sets), np.repeat(np.arange(len(sets)), [len(each) for each in sets])
    ranks = [name for name in map(str, facts) if name.startswith("largest_")]
    sums = facts.iloc[cells].groupby(union).sum().reset_index(drop=True)
    for number, each in enumerate(sets):
        contributions = np.sort(np.nan_to_num(facts[ranks].to_numpy()[each].ravel()))[::-1]
        sums.loc[number, ranks] = contributions[: len(ranks)]
    return sums
