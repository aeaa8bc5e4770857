"""The rules that a profile can have: their parameters, what these mean, and the source of each number.

Formulas are those of Hundepool et al., *Handbook on Statistical Disclosure Control* (2nd ed., 2024; the text at
github.com/sdcTools/HandbookSDC): x₁ ≥ x₂ ≥ … are the contributions to a cell, X is its total.
"""

import re
from dataclasses import dataclass, fields
from math import isfinite
from numbers import Integral, Real
from typing import Any

from disclosure_control.errors import MalformedProfile

CALLER = "set by the caller"
KINDS = ("frequencies", "magnitudes", "models", "other")
NEGATIVES = ("refer", "shift")
WEIGHTS = ("known", "sample", "expanded")
ACTIONS = ("suppress", "refer")
ROUNDINGS = ("conventional", "random", "controlled")


@dataclass(frozen=True)
class Threshold:
    """The fewest distinct units that a published cell may have (Handbook, table 4.1: minimum frequency rule).

    `strict`: it needs more units than these. `zero_is_safe`: an empty cell may be published.
    """

    units: int
    zero_is_safe: bool
    source: str
    strict: bool = False

    def __post_init__(self) -> None:
        _require_types(self)
        _require(self.units >= 1, "threshold.units: a threshold is a whole number of units, 1 or more.")
        _require_source("threshold", self.source)

    @property
    def fewest(self) -> int:
        """The fewest units that are enough."""
        return self.units + self.strict


@dataclass(frozen=True)
class Dominance:
    """(n,k) dominance: unsafe where the `n` largest units contribute more than `k` per cent (Handbook, table 4.1)."""

    n: int
    k: float
    source: str

    def __post_init__(self) -> None:
        _require_types(self)
        _require(self.n >= 1, "dominance.n: the number of the largest units is 1 or more.")
        _require(0 < self.k < 100, "dominance.k: a percentage between 0 and 100; the rule makes no sense at either.")
        _require_source("dominance", self.source)


@dataclass(frozen=True)
class PPercent:
    """p %: unsafe where X − x₂ − x₁ < (p/100)·x₁ (Handbook, table 4.1): the second can estimate the first too closely.

    `coalition`: so many of the next largest pool what they know (Handbook, note to table 4.1).
    """

    p: float
    source: str
    coalition: int = 1

    def __post_init__(self) -> None:
        _require_types(self)
        _require(0 < self.p <= 100, "p_percent.p: a percentage above 0, up to 100.")
        _require(self.coalition >= 1, "p_percent.coalition: 1 or more units.")
        _require_source("p_percent", self.source)


@dataclass(frozen=True)
class PQ:
    """(p,q): unsafe where X − x₂ − x₁ < (p/q)·x₁ (Handbook, 4.2.1): p % with smaller units known to within q %."""

    p: float
    q: float
    source: str

    def __post_init__(self) -> None:
        _require_types(self)
        _require(0 < self.p < self.q <= 100, "pq: 0 < p < q ≤ 100, in per cent.")
        _require_source("pq", self.source)


@dataclass(frozen=True)
class ClassDisclosure:
    """Group disclosure: unsafe where all units of a group, but at most `all_but`, are in one category (Handbook, 5.2).

    With `all_but` 1 the one outside would know the category of all others. `action`: "suppress" or "refer".
    """

    source: str
    all_but: int = 0
    action: str = "suppress"

    def __post_init__(self) -> None:
        _require_types(self)
        _require(self.all_but >= 0, "class_disclosure.all_but: 0 or more units.")
        _require_choice("class_disclosure.action", self.action, ACTIONS)
        _require_source("class_disclosure", self.source)


@dataclass(frozen=True)
class Request:
    """Unsafe where a unit that asked for confidentiality contributes more than `share` per cent (foreign trade rule).

    Handbook, 4.2.1, "Foreign trade rules": units that did not ask are not protected by this rule.
    """

    share: float
    source: str

    def __post_init__(self) -> None:
        _require_types(self)
        _require(0 <= self.share < 100, "request.share: a percentage from 0, below 100.")
        _require_source("request", self.source)


@dataclass(frozen=True)
class DegreesOfFreedom:
    """The fewest residual degrees of freedom of a published model."""

    at_least: int
    source: str

    def __post_init__(self) -> None:
        _require_types(self)
        _require(self.at_least >= 1, "degrees_of_freedom.at_least: 1 or more.")
        _require_source("degrees_of_freedom", self.source)


@dataclass(frozen=True)
class Negatives:
    """What to do with negative contributions. Concentration rules see absolute contributions either way.

    "shift": that is enough; an attacker knows no value to be positive, but every row to be at least the lowest.
    "refer": a person has to judge as well. (Handbook, 4.2.1, recommends weaker concentration rules, or a threshold.)
    """

    policy: str
    source: str

    def __post_init__(self) -> None:
        _require_types(self)
        _require_choice("negatives.policy", self.policy, NEGATIVES)
        _require_source("negatives", self.source)


@dataclass(frozen=True)
class Weights:
    """What concentration rules take for the contributions to a weighted total X̂ (Handbook, 4.2.1, "Sampling weights").

    "known": weights are public, so a unit takes its weighted contribution out of X̂ (the strictest).
    "sample": weights are secret; a unit takes its own contribution out of X̂.
    "expanded": as in τ-Argus, each unit stands for as many of the population as its weight says.
    """

    policy: str
    source: str

    def __post_init__(self) -> None:
        _require_types(self)
        _require_choice("weights.policy", self.policy, WEIGHTS)
        _require_source("weights", self.source)


@dataclass(frozen=True)
class Protection:
    """How far a cell's value has to stay unknown where no concentration rule says so, in per cent of the value.

    Counts are protected by at least 1. The Handbook (4.2.2) accepts zero where the threshold is the only rule.
    """

    percent: float = 20
    source: str = "τ-Argus, manual safety range, default 20 % (src/tauargus/model/TableSet.java, manualMarge)"

    def __post_init__(self) -> None:
        _require_types(self)
        _require(self.percent >= 0, "protection.percent: a percentage, 0 or more.")
        _require_source("protection", self.source)


@dataclass(frozen=True)
class Rounding:
    """Published numbers are multiples of `base`. `method`: "conventional", "random" or "controlled"."""

    base: int
    method: str
    source: str

    def __post_init__(self) -> None:
        _require_types(self)
        _require(self.base >= 2, "rounding.base: a whole number, 2 or more.")
        _require_choice("rounding.method", self.method, ROUNDINGS)
        _require_source("rounding", self.source)


@dataclass(frozen=True)
class Referral:
    """A rule of the publisher that a person has to judge, for which kinds of statistics, and why."""

    rule: str
    why: str
    applies_to: tuple[str, ...]
    source: str

    def __post_init__(self) -> None:
        _require_types(self)
        _require(bool(self.rule.strip() and self.why.strip()), "refer: a referral names its rule and says why.")
        for kind in self.applies_to:
            _require_choice("refer.applies_to", kind, KINDS)
        _require(bool(self.applies_to), f"refer.applies_to: name at least one of {', '.join(KINDS)}.")
        _require_source("refer", self.source)


def _require_types(rule: Any) -> None:
    """Every parameter is of its type, and no number is NaN or infinite: such a limit would hold for nothing."""
    name = re.sub(r"(?<!^)(?=[A-Z][a-z])", "_", type(rule).__name__).lower()
    for each in fields(rule):
        _require(_is_a(getattr(rule, each.name), each.type), f"{name}.{each.name}: {_WORDS[each.type]} is needed.")


_WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a finite number",
    str: "a text",
    bool: "True or False",
    tuple[str, ...]: "a tuple of texts",
}


def _is_a(value: Any, kind: Any) -> bool:
    if isinstance(value, bool):
        return kind is bool
    if kind is float:
        return isinstance(value, Real) and isfinite(value)
    if kind is int or kind is str:
        return isinstance(value, Integral if kind is int else str)
    return isinstance(value, tuple) and {type(each) for each in value} <= {str}


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise MalformedProfile(message)


def _require_choice(what: str, value: str, choices: tuple[str, ...]) -> None:
    _require(value in choices, f"{what}: “{value}” is unknown. Use one of: {', '.join(choices)}.")


def _require_source(rule: str, source: str) -> None:
    _require(bool(source.strip()), f"{rule}.source: every number in a profile cites its source.")
