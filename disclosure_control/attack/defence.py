"""Whether the requirements hold against everybody: outsiders, and lone contributors, who each know their cells.

A deviation that leaves a contributor's cells where they are is possible for all that she knows; so one that moves no
contributor's cell proves a requirement against all of them, and against outsiders. First this is tried for every
requirement, with all cells of all contributors held who might attack there. Where it fails, those are let go whose
cells would help, until the requirement is met; that proves it against all who do not move then. The few who do are held
again, fewer and fewer of them together, down to one alone.
"""

from collections.abc import Generator
from typing import NamedTuple

import numpy as np

from disclosure_control.attack import closer
from disclosure_control.attack.fitting import Fitted
from disclosure_control.attack.links import Indices, Mask
from disclosure_control.attack.lone import NOBODY
from disclosure_control.attack.program import Program
from disclosure_control.attack.reduction import FIXED, Reduced
from disclosure_control.attack.requirements import SIDES, Requirements
from disclosure_control.attack.view import View

PRECISE = 1e-6  # of the protection that is needed: what is short by no more is enough

Contributors = frozenset[int]


class Question(NamedTuple):
    """Can this requirement be met while these variables are held?"""

    number: int
    held: Indices


class Verdict(NamedTuple):
    """Whether it can; and who moves then, or, if it cannot, who would have to be let go."""

    met: bool
    contributors: Contributors


Questions = Generator[Question, Verdict, None]
Judgement = Generator[Question, Verdict, bool]


class Defence:
    """The requirements, and which of them are proven so far.

    Attributes:
        reach: how far up and down (two rows) each variable is known to move, for an outsider.
    """

    def __init__(self, view: View, problem: Reduced, program: Program, requirements: Requirements) -> None:
        self._problem, self._program, self._wanted = problem, program, requirements
        knowing = np.flatnonzero((view.knower != NOBODY) & (problem.variable != FIXED))
        self._who, self._knows = view.knower[knowing], problem.variable[knowing]
        self._where = problem.block[self._knows]
        self._block = problem.block[requirements.variable]
        self._enough = requirements.need * (1 - PRECISE)
        self._proven = np.zeros(len(requirements), bool)
        self._failed = np.zeros(len(requirements), bool)
        self.reach = np.zeros((2, len(problem)))

    def failed(self) -> Mask:
        """The columns of which a requirement does not hold against somebody."""
        return self._wanted.columns(self._failed)

    def judge(self, *, every: bool) -> None:
        """Settle all requirements, in all blocks side by side; unless `every`, only until one fails."""
        waiting = {block: self._settled(block) for block in np.unique(self._block).tolist()}
        questions = _next(waiting, dict.fromkeys(waiting))
        while questions and (every or not self._failed.any()):
            held = np.zeros(len(self._problem), bool)
            held[np.concatenate([each.held for each in questions.values()])] = True
            self._program.hold(held)
            verdicts = self._ask(np.array([each.number for each in questions.values()]), held)
            questions = _next(waiting, dict(zip(questions, verdicts, strict=True)))
        self._program.hold(np.zeros(len(self._problem), bool))

    def _settled(self, block: int) -> Questions:
        """Settle the requirements of a block, the largest first."""
        here = np.flatnonzero(self._where == block)
        who, knows = self._who[here], self._knows[here]
        doubtful = []
        for number in np.flatnonzero(self._block == block).tolist():
            if not self._proven[number]:
                harmless = self._wanted.harmless[number]
                attackers = frozenset() if harmless is None else frozenset(who.tolist()) - harmless
                verdict = yield Question(number, knows[np.isin(who, list(attackers))])
                if not verdict.met:
                    doubtful.append((number, attackers, verdict.contributors))
        for number, attackers, helpful in doubtful:
            if not self._proven[number]:
                self._proven[number] = yield from self._against_each(number, attackers, helpful, (who, knows))
                self._failed[number] = not self._proven[number]

    def _against_each(
        self, number: int, attackers: Contributors, helpful: Contributors, cells: tuple[Indices, Indices]
    ) -> Judgement:
        """Whether this requirement, which cannot be met while all attackers are held, holds against each of them."""
        who, knows = cells
        held, verdict = attackers, Verdict(met=False, contributors=helpful)
        while not verdict.met:
            if not held & verdict.contributors:
                return False
            held -= verdict.contributors
            verdict = yield Question(number, knows[np.isin(who, list(held))])
        left = attackers & verdict.contributors
        together = len(left)
        while left:
            verdict = yield Question(number, knows[np.isin(who, sorted(left)[:together])])
            if not verdict.met and together == 1:
                return False
            left = left & verdict.contributors if verdict.met else left
            together = min(together if verdict.met else -(-together // 4), len(left))
        return True

    def _ask(self, asked: Indices, held: Mask) -> list[Verdict]:
        """Look for deviations that meet these requirements, one in a block."""
        variable, place = self._wanted.variable[asked], self._wanted.place[asked]
        answers = self._program.ask(variable, SIDES[place])
        movers = self._taken(answers.fitted, asked)
        for at, number in enumerate(asked.tolist()):
            if movers[at] is None and answers.limit[at] >= self._enough[number]:
                closer_look = self._look_closer(number)
                movers[at] = self._taken(closer_look, asked[at : at + 1])[0] if closer_look else None
        if None not in movers:
            return [Verdict(met=True, contributors=each) for each in movers if each is not None]
        undecided = self._problem.block[variable[answers.limit >= self._enough[asked]]]  # prices do not speak of these
        helpful = self._by_block(held & (self._program.priced() | np.isin(self._problem.block, undecided)))
        nobody: Contributors = frozenset()
        return [
            Verdict(each is not None, helpful.get(int(self._block[number]), nobody) if each is None else each)
            for each, number in zip(movers, asked.tolist(), strict=True)
        ]

    def _look_closer(self, number: int) -> Fitted | None:
        variable, place = int(self._wanted.variable[number]), int(self._wanted.place[number])
        return closer.reaching(self._problem, self._program.bounds(), variable, place, float(self._enough[number]))

    def _taken(self, witness: Fitted, asked: Indices) -> list[Contributors | None]:
        """Mark what this deviation proves: all that it meets, unless it moves a contributor who is an attacker there.

        Returns for each requirement that was asked for who moves, or None if it is not met.
        """
        reach = witness.reach(self._problem)
        np.maximum(self.reach, reach, out=self.reach)
        met, movers = reach[self._wanted.place, self._wanted.variable] >= self._enough, self._by_block(witness.moves)
        for number in np.flatnonzero(met & ~self._proven).tolist():
            moved, harmless = movers.get(int(self._block[number])), self._wanted.harmless[number]
            self._proven[number] = moved is None or harmless is None or moved <= harmless
        return [movers.get(int(self._block[each]), frozenset()) if met[each] else None for each in asked.tolist()]

    def _by_block(self, variables: Mask) -> dict[int, Contributors]:
        """By block, the contributors who know some of these variables."""
        some = variables[self._knows]
        found: dict[int, set[int]] = {}
        for block, who in zip(self._where[some].tolist(), self._who[some].tolist(), strict=True):
            found.setdefault(block, set()).add(who)
        return {block: frozenset(each) for block, each in found.items()}


def _next(waiting: dict[int, Questions], verdicts: dict[int, Verdict | None]) -> dict[int, Question]:
    """The next question of each block of which the last one was answered, unless it has none."""
    found = {}
    for block, verdict in verdicts.items():
        try:
            found[block] = next(waiting[block]) if verdict is None else waiting[block].send(verdict)
        except StopIteration:
            continue
    return found
