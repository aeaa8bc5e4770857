"""How well defects are found: what was marked against what was planted. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import sqrt

from safe_outputs.practice.case import Case
from safe_outputs.practice.defects import Defect
from safe_outputs.transitions import Vote

CERTAIN = 1.96
"""The normal quantile of a 95 % interval."""
FEWEST_PERSONS = 5
"""How many people the summary for those who lead checkers needs, so that it tells of none of them."""


@dataclass(frozen=True)
class Marked:
    """One answer to a case, judged: the defects found and missed, and the marks where there was nothing."""

    found: frozenset[Defect]
    missed: frozenset[Defect]
    false_alarms: frozenset[Defect]
    right_vote: bool


def mark(case: Case, marked: Iterable[Defect], vote: Vote) -> Marked:
    """Judge an answer. A case with a defect is not to be approved, a clean one is."""
    chosen, planted = frozenset(marked), case.defects
    return Marked(
        found=planted & chosen,
        missed=planted - chosen,
        false_alarms=chosen - planted - case.arguable,
        right_vote=(vote is Vote.APPROVE) == (not planted),
    )


@dataclass(frozen=True)
class Share:
    """So many of so many, with the ends of the 95 % interval of the share behind it; None of nothing.

    The interval is Wilson's: E. B. Wilson, *Probable Inference, the Law of Succession, and Statistical Inference*,
    Journal of the American Statistical Association 22 (1927). It is sound for small numbers too.
    """

    hits: int
    of: int

    @property
    def interval(self) -> tuple[float, float] | None:
        if not self.of:
            return None
        share, square = self.hits / self.of, CERTAIN**2
        middle = share + square / (2 * self.of)
        half = CERTAIN * sqrt(share * (1 - share) / self.of + square / (4 * self.of**2))
        low, high = ((middle + side * half) / (1 + square / self.of) for side in (-1, 1))
        return max(0.0, low), min(1.0, high)


@dataclass(frozen=True)
class Measured:
    """How well a person, or several, find defects, over first attempts.

    Attributes:
        cases: how many answers. sensitivity: defects found of those planted. approved_with_defect: approvals of cases
            with a defect, of all such cases. returned_clean: returns of clean cases, of all such cases.
        false_alarms: marks where nothing was, over all answers.
        by_defect: for each defect that was planted, how often it was found.
    """

    cases: int
    sensitivity: Share
    approved_with_defect: Share
    returned_clean: Share
    false_alarms: int
    by_defect: Mapping[Defect, Share]


def measure(answers: Iterable[tuple[Case, Marked, Vote]]) -> Measured:
    """The measure over these answers, each with its case."""
    given = list(answers)
    faulty = [(marked, vote) for case, marked, vote in given if case.planted]
    clean = [vote for case, _, vote in given if not case.planted]
    return Measured(
        cases=len(given),
        sensitivity=_share(given),
        approved_with_defect=Share(sum(vote is Vote.APPROVE for _, vote in faulty), len(faulty)),
        returned_clean=Share(sum(vote is not Vote.APPROVE for vote in clean), len(clean)),
        false_alarms=sum(len(marked.false_alarms) for _, marked, _ in given),
        by_defect={each: share for each in Defect if (share := _share(given, each)).of},
    )


def _share(given: Iterable[tuple[Case, Marked, Vote]], defect: Defect | None = None) -> Share:
    wanted = frozenset(Defect) if defect is None else frozenset({defect})
    pairs = [(marked.found & wanted, case.defects & wanted) for case, marked, _ in given]
    return Share(sum(len(found) for found, _ in pairs), sum(len(planted) for _, planted in pairs))
