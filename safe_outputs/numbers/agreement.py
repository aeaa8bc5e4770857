"""How far output checkers agree, from the first votes of turns that are over. Pure.

Only first votes count: the later ones of a turn were cast after its votes opened, when each knew the others'.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from safe_outputs.transitions import Vote

FEWEST_TURNS = 10
"""How many turns with two first votes alpha needs; of fewer it says nothing."""


@dataclass(frozen=True)
class Pair:
    """How often two checkers of one turn cast these two votes first, in either order."""

    first: Vote
    second: Vote
    count: int


@dataclass(frozen=True)
class Agreement:
    """In how many `turns` that are over, with two first votes or more, these `differed`, and how.

    `pairs`: over all pairs of checkers within a turn, in the votes' order. `alpha`: Krippendorff's; None where there
    are too few turns, or where everybody always voted the same.
    """

    turns: int
    differed: int
    pairs: tuple[Pair, ...]
    alpha: float | None


def agreement(turns: Iterable[Sequence[Vote]]) -> Agreement:
    """The agreement over these turns, given as the first votes of each."""
    judged = [votes for votes in turns if len(votes) > 1]
    return Agreement(
        turns=len(judged),
        differed=sum(len(set(votes)) > 1 for votes in judged),
        pairs=_pairs(judged),
        alpha=alpha(judged) if len(judged) >= FEWEST_TURNS else None,
    )


def _pairs(turns: Iterable[Sequence[Vote]]) -> tuple[Pair, ...]:
    order = list(Vote)
    ordered = (sorted(two, key=order.index) for votes in turns for two in combinations(votes, 2))
    counts = Counter((first, second) for first, second in ordered)
    return tuple(
        Pair(first, second, counts[first, second]) for first in order for second in order if counts[first, second]
    )


def alpha(turns: Iterable[Sequence[Vote]]) -> float | None:
    """Krippendorff's alpha for nominal values: 1 for votes that always agree, 0 for votes drawn by lot.

    Any number of checkers may have voted in a turn, and not always the same ones, which Cohen's kappa does not allow.
    None where no two votes could have differed: all are the same, so chance would give the same agreement.

    Source: K. Krippendorff, *Computing Krippendorff's Alpha-Reliability* (2011), section C, and *Content Analysis*,
    chapter 11: α = 1 − (n − 1)·Σ o_ck / Σ n_c·n_k over pairs of unlike values c, k, in which each turn of m votes
    adds its ordered pairs to o, weighted by 1/(m − 1).
    """
    totals: Counter[Vote] = Counter()
    unlike = 0.0
    for votes in turns:
        if len(votes) < 2:  # nobody to agree with
            continue
        counts = Counter(votes)
        totals.update(counts)
        unlike += (len(votes) ** 2 - sum(count**2 for count in counts.values())) / (len(votes) - 1)
    number = totals.total()
    expected = number**2 - sum(count**2 for count in totals.values())
    return 1 - (number - 1) * unlike / expected if expected else None
