"""What hangs together: things that pairs of them link, directly or through others."""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]


def leaders(count: int, one: Indices, other: Indices) -> Indices:
    """For each of `count` things, the first one of those that it hangs together with; pairs are `one` and `other`."""
    leader = np.arange(count, dtype=np.int64)
    while True:
        here, there = leader[one], leader[other]
        apart = here != there
        if not apart.any():
            return leader
        np.minimum.at(leader, np.maximum(here, there)[apart], np.minimum(here, there)[apart])
        leader = _followed(leader)


def signed_leaders(count: int, one: Indices, other: Indices, sign: Numbers) -> tuple[Indices, Numbers]:
    """Leaders for pairs of different things where other = sign × one: each thing is its sign times its leader.

    Each thing follows one pair only; the others are left to be looked at again. A sign is 1 or -1.
    """
    leader, signs = np.arange(count, dtype=np.int64), np.ones(count)
    low, high = np.minimum(one, other), np.maximum(one, other)
    followers, first = np.unique(high, return_index=True)
    leader[followers], signs[followers] = low[first], sign[first]
    while True:
        further = leader[leader]
        if (further == leader).all():
            return leader, signs
        leader, signs = further, signs * signs[leader]


def ragged(starts: Indices, lengths: Indices) -> Indices:
    """The places of several runs, one after the other: each from its start, so many long."""
    ends = np.cumsum(lengths)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - ends + lengths, lengths)


def _followed(leader: Indices) -> Indices:
    while True:
        further = leader[leader]
        if (further == leader).all():
            return leader
        leader = further
