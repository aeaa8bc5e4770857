"""Protect a table, or several linked ones together, by withholding cells."""

from collections.abc import Sequence
from dataclasses import replace
from typing import overload

import numpy as np
import pandas as pd

from disclosure_control.errors import MalformedTable, SuppressionFailed
from disclosure_control.findings import Finding
from disclosure_control.flags import CONF_STATUS, OBS_STATUS, PRIMARY, PUBLISHED, SECONDARY, flags_of
from disclosure_control.profiles import RuleProfile
from disclosure_control.structure import require_names
from disclosure_control.suppression.lp import Deadline
from disclosure_control.suppression.problem import Mask
from disclosure_control.suppression.protected import ProtectedTable, Report
from disclosure_control.suppression.solve import Progress, Solution, solve
from disclosure_control.suppression.system import SIDES, System, system_of
from disclosure_control.table import Table

ADDED = frozenset(  # what protected tables and attacks say of a cell
    {"status", "reason", "lower", "upper", "required_lower", "required_upper", "contributors_too", "protected", "table"}
)
ANEW = 5  # times that a small table is solved anew, before cells are added to its pattern


@overload
def suppress(
    table: Table,
    profile: RuleProfile,
    cost: str = ...,
    seconds: float | None = ...,
    progress: Progress | None = ...,
    prior: float | None = ...,
) -> ProtectedTable: ...
@overload
def suppress(
    table: Sequence[Table],
    profile: RuleProfile,
    cost: str = ...,
    seconds: float | None = ...,
    progress: Progress | None = ...,
    prior: float | None = ...,
) -> list[ProtectedTable]: ...
def suppress(
    table: Table | Sequence[Table],
    profile: RuleProfile,
    cost: str = "information",
    seconds: float | None = None,
    progress: Progress | None = None,
    prior: float | None = None,
) -> ProtectedTable | list[ProtectedTable]:
    """Withhold the cells that the profile does not let out, and as little else as keeps them from being derived.

    Args:
        table: one, or several that share cells: those are protected together, as one system.
        cost: what is kept small: "number" of secondary cells, their "value", their "information" (the logarithm of
            the value), or a column of the tables' cells.
        seconds: the longest that this may take.
        progress: is called with the step's name and the part of it that is done, 0 to 1.
        prior: what an attacker knows before: None, that values are not negative (if none is); 0.5, every value to
            within 50 %.

    Raises:
        Unprotectable: no choice of secondary cells protects a primary one.
        SuppressionFailed: no pattern was proven in time, so that there is nothing to release.
        MalformedTable, UnknownColumn: the tables do not agree on a shared cell; there is no such cost.
    """
    tables = [table] if isinstance(table, Table) else list(table)
    _require_tables(tables)
    _require_amounts(seconds, prior)
    deadline = Deadline.within(seconds)
    system = system_of(tables, profile, cost, prior)
    system, solution = _solved(system, profile, deadline, progress or _silent)
    report = _report(system, solution, cost, prior)
    protected = [_protected(system, place, solution.withheld, profile, report) for place in range(len(tables))]
    return protected[0] if isinstance(table, Table) else protected


def _require_tables(tables: Sequence[object]) -> None:
    if not tables:
        raise SuppressionFailed("There is no table to protect. Pass at least one.")
    for each in tables:
        if not isinstance(each, Table):
            raise MalformedTable(
                f"A table to protect is {type(each).__name__}. Make it with Table.from_microdata or Table.from_cells."
            )
        require_names(each.dimensions, ADDED)


def _require_amounts(seconds: float | None, prior: float | None) -> None:
    if seconds is not None and not seconds >= 0:
        raise SuppressionFailed("seconds: how long it may take is a number of 0 or more, or None.")
    if prior is not None and not 0 < prior < np.inf:
        raise SuppressionFailed("prior: it is a finite part of the value above 0, such as 0.5, or None.")


def _silent(step: str, done: float) -> None:
    """No progress is reported."""


def _solved(system: System, profile: RuleProfile, deadline: Deadline, progress: Progress) -> tuple[System, Solution]:
    """A pattern that protects from what cannot be asked for before there is one, see `System.found_wanting`.

    While it is found wanting, the problem is solved again: anew as long as that is exact, and then by adding to the
    pattern, which ends in any case. A bound of the cost that was proven on the way stays one.
    """
    count = len(system.cells)
    best = found = solve(system.problem, deadline, progress)
    programs, seconds, tries = found.programs, found.seconds, ANEW if found.bound is not None else 0
    while harder := system.found_wanting(found.withheld[:count], profile, deadline):
        system = harder if tries > 0 else replace(harder, kept=found.withheld[:count])
        found = solve(system.problem, deadline, progress)
        programs, seconds = programs + found.programs, seconds + found.seconds
        best, tries = found if tries > 0 else best, tries - 1
    cost = system.cost_of(found.withheld[:count])
    return system, replace(best, withheld=found.withheld, cost=cost, programs=programs, seconds=seconds)


def _report(system: System, solution: Solution, cost: str, prior: float | None) -> Report:
    withheld, primary = solution.withheld[: len(system.cells)], system.primary
    knower = system.rows["knower"].to_numpy(dtype=np.int64)
    return Report(
        method=solution.method,
        cost=cost,
        secondary_cost=solution.cost,
        bound=solution.bound,
        gap=solution.gap,
        prior=prior,
        primary=int((withheld & primary).sum()),
        secondary=int((withheld & ~primary).sum()),
        unions=len(system.unions),
        lone_contributors=len(set(knower[withheld & (knower >= 0)].tolist())),
        programs=solution.programs,
        seconds=solution.seconds,
        largest_contributors=len(system.shares),
    )


def _protected(system: System, place: int, withheld: Mask, profile: RuleProfile, report: Report) -> ProtectedTable:
    table, verdict, numbers = system.cells.tables[place], system.verdicts[place], system.cells.of[place]
    hidden, primary = withheld[numbers], system.primary[numbers]
    status = np.where(hidden, np.where(primary, PRIMARY, SECONDARY), PUBLISHED)
    cells = table.cells[list(table.dimensions)].copy()
    cells["value"] = table.cells["value"].where(~hidden)
    cells["status"] = status
    cells["reason"] = _reasons(status, verdict["reason"])
    cells[[OBS_STATUS, CONF_STATUS]] = flags_of(status, verdict["rule"]).to_numpy()
    findings = (*system.findings[place], _finding(status, report))
    return ProtectedTable(table, profile, cells, verdict[list(SIDES)].copy(), findings, report)


def _reasons(status: np.ndarray, reason: pd.Series) -> pd.Series:
    """Why each cell is withheld; None for those that are published."""
    texts = {
        PRIMARY: "a table that shares this cell must withhold it",
        SECONDARY: "withheld so that others cannot be derived",
    }
    given = reason.to_list()
    found = [None if each == PUBLISHED else given[row] or texts[each] for row, each in enumerate(status.tolist())]
    return pd.Series(found, index=reason.index, dtype=object)


def _finding(status: np.ndarray, report: Report) -> Finding:
    primary, secondary = int((status == PRIMARY).sum()), int((status == SECONDARY).sum())
    proof = f"; the cost is proven to be within {report.gap:.0%} of the least" if report.gap is not None else ""
    return Finding(
        rule="secondary suppression",
        severity="protected" if primary else "safe",
        sentence=(
            f"{secondary} more cells are withheld to protect {primary}{proof}."
            if primary
            else "No cell needs protection."
        ),
        value=f"{secondary} secondary cells",
        limit="every primary cell's feasibility interval covers its protection level",
        source="Handbook on Statistical Disclosure Control, section 4; Fischetti and Salazar-González 2001",
    )
