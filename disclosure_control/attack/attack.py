"""The release gate: what an attacker can derive from protected tables, and whether that is too much.

Handbook on Statistical Disclosure Control, section 4.3 (audit of a suppression pattern): for each withheld cell the
smallest and the largest value that all published cells, all additive relations and prior knowledge allow. Contributors
who are alone in a withheld cell attack too, knowing its value; and sums of withheld cells that break a rule together
are protected like cells.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from disclosure_control.attack.defence import PRECISE, Defence
from disclosure_control.attack.facts import Protected
from disclosure_control.attack.intervals import columns, exact
from disclosure_control.attack.links import Mask, Numbers
from disclosure_control.attack.program import Program
from disclosure_control.attack.reduction import FIXED, Reduced, reduced
from disclosure_control.attack.requirements import requirements_of
from disclosure_control.attack.view import View, view_of
from disclosure_control.errors import AttackFailed

FAR = 10  # times the largest value or need of its block: movements beyond are looked at only if an interval has no end


def attack(protected: Protected | Sequence[Protected], prior: float | None = None) -> pd.DataFrame:
    """The feasibility interval of every withheld cell, exact, and whether it is wide enough.

    The attacker knows what is published, all equations, the `floor` of every cell (else, where a value's cells are
    nowhere negative, that they are not), which cells are impossible, and that counts are whole numbers.

    Args:
        protected: a protected table, or several that are released together.
        prior: what the attacker knows besides: 0.5, every value to within 50 %.

    Returns:
        One row per withheld cell of each table: `table` (the place of the table, if there are several), the codes,
        `lower` and `upper` (what an outsider can derive), `required_lower` and `required_upper` (equal to each other
        in a secondary cell, which requires nothing), `contributors_too` (whether the requirement holds against
        lone contributors of other withheld cells as well), `unions_too` (whether sums of this cell with others that
        break a rule of the profile are wide enough), and `protected` (all that is required holds). A cell that needs
        protection and is published has a row too, and is not protected.

    Raises:
        AttackFailed: a published cell is not true, or a bound is not proven. Nothing may be released then.
    """
    tables = as_list(protected)
    require_prior(prior)
    view = view_of(tables, prior)
    problem = reduced(view)
    program, defence = _defence(view, problem)
    defence.judge(every=True)
    against_all = ~defence.failed()
    fall, rise = columns(problem, exact(problem, program, defence.reach, np.ones((2, len(problem)), bool)))
    outside = _wide_enough(view, fall, rise)
    return by_table(tables, view, _frame(view, fall, rise, outside, against_all))


def passes(protected: Protected | Sequence[Protected], prior: float | None = None) -> bool:
    """Whether every requirement holds; quicker than `attack`, since no interval has to be known exactly.

    Raises:
        AttackFailed: as `attack` does.
    """
    tables = as_list(protected)
    require_prior(prior)
    view = view_of(tables, prior)
    problem = reduced(view)
    program, defence = _defence(view, problem)
    defence.judge(every=False)
    if defence.failed().any():
        return False
    apart = view.need_apart > view.need_up + view.need_down
    wanted = np.zeros((2, len(problem)), bool)
    wanted[:, problem.variable[apart & (problem.variable != FIXED)]] = True
    fall, rise = columns(problem, exact(problem, program, defence.reach, wanted))
    return bool(_wide_enough(view, fall, rise)[apart].all())


def _defence(view: View, problem: Reduced) -> tuple[Program, Defence]:
    program = Program(problem, (FAR * problem.size)[problem.block])
    return program, Defence(view, problem, program, requirements_of(view, problem))


def _wide_enough(view: View, fall: Numbers, rise: Numbers) -> Mask:
    """The columns whose interval, as an outsider derives it, covers what is required."""
    return np.asarray(
        (fall >= view.need_down * (1 - PRECISE))
        & (rise >= view.need_up * (1 - PRECISE))
        & (fall + rise >= view.need_apart * (1 - PRECISE))
    )


def _frame(view: View, fall: Numbers, rise: Numbers, outside: Mask, against_all: Mask) -> pd.DataFrame:
    unions_too = np.ones(view.cells, bool)
    for cells, safe in zip(view.unions, (outside & against_all)[view.cells :], strict=True):
        unions_too[cells] &= safe
    found = pd.DataFrame(
        {
            "lower": view.truth - fall,
            "upper": view.truth + rise,
            "required_lower": view.truth - view.need_down,
            "required_upper": view.truth + view.need_up,
            "contributors_too": against_all,
        }
    ).iloc[: view.cells]
    protected = (outside & against_all)[: view.cells] & unions_too
    return found.assign(unions_too=unions_too, protected=protected)


def by_table(tables: Sequence[Protected], view: View, found: pd.DataFrame) -> pd.DataFrame:
    """What was found of each column, with the codes of the cells that it stands for in each table."""
    parts = []
    for number, (each, (rows, at)) in enumerate(zip(tables, view.places, strict=True)):
        codes = each.table.cells.loc[rows, list(each.table.dimensions)].reset_index(drop=True)
        part = pd.concat([codes, found.iloc[at].reset_index(drop=True)], axis=1)
        parts.append(part if len(tables) == 1 else part.assign(table=number))
    return pd.concat(parts, ignore_index=True)


def as_list(protected: Protected | Sequence[Protected]) -> list[Protected]:
    tables = list(protected) if isinstance(protected, Sequence) else [protected]
    if not tables:
        raise AttackFailed("There is no table to attack. Pass at least one.")
    return tables


def require_prior(prior: float | None) -> None:
    if prior is not None and not prior > 0:
        raise AttackFailed("A prior is a part of the value above 0, such as 0.5, or None.")
