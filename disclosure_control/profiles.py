"""Rule profiles: output rules as versioned data, each number with its source (I14)."""

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from disclosure_control.errors import MalformedProfile


@dataclass(frozen=True)
class Threshold:
    """The fewest distinct units that a published cell may have. `zero_is_safe`: an empty cell may be published."""

    units: int
    zero_is_safe: bool
    source: str

    def __post_init__(self) -> None:
        if self.units < 1:
            raise MalformedProfile("threshold.units: a threshold is a whole number of units, 1 or more.")
        if not self.source.strip():
            raise MalformedProfile("threshold.source: every number in a profile cites its source.")


@dataclass(frozen=True)
class Dominance:
    """(n,k) dominance: unsafe where the `n` largest units contribute more than `k` per cent of the cell."""

    n: int
    k: float
    source: str

    def __post_init__(self) -> None:
        if self.n < 1 or not 0 < self.k < 100:
            raise MalformedProfile("dominance: n is 1 or more and k a percentage between 0 and 100.")


@dataclass(frozen=True)
class PPercent:
    """p %: unsafe where the second largest unit can estimate the largest to within `p` per cent of it."""

    p: float
    source: str

    def __post_init__(self) -> None:
        if not 0 < self.p <= 100:
            raise MalformedProfile("p_percent: p is a percentage above 0, up to 100.")


CALLER = "set by the caller"


@dataclass(frozen=True, init=False)
class RuleProfile:
    """The rules that a table has to pass. `digest` is the SHA-256 of the profile's text."""

    name: str
    version: str
    title: str
    threshold: Threshold | None
    dominance: tuple[Dominance, ...]
    p_percent: PPercent | None
    safety_range: float
    digest: str

    def __init__(
        self,
        threshold: int | Threshold | None = None,
        dominance: Sequence[tuple[int, float] | Dominance] = (),
        p_percent: float | PPercent | None = None,
        *,
        safety_range: float = 20,
        name: str = "custom",
        version: str = "0",
        title: str = "Rules set by the caller",
        digest: str = "",
    ) -> None:
        """The rules given here; numbers alone become rules whose source is the caller.

        Args:
            safety_range: the protection, in per cent of a cell's value, of cells that only the threshold withholds.
        """
        if isinstance(threshold, int):
            threshold = Threshold(threshold, zero_is_safe=False, source=CALLER)
        if isinstance(p_percent, int | float):
            p_percent = PPercent(p_percent, CALLER)
        pairs = tuple(each if isinstance(each, Dominance) else Dominance(*each, source=CALLER) for each in dominance)
        values = (name, version, title, threshold, pairs, p_percent, safety_range, digest)
        for key, value in zip(self.__dataclass_fields__, values, strict=True):
            object.__setattr__(self, key, value)

    @classmethod
    def load(cls, name: str) -> "RuleProfile":
        """A profile that is shipped with this library. Raises `MalformedProfile` for one that is not."""
        shipped = shipped_profiles()
        if name not in shipped:
            raise MalformedProfile(f"There is no rule profile “{name}”. There are: {', '.join(sorted(shipped))}.")
        return cls.from_toml(shipped[name], f"{name}.toml")

    @classmethod
    def from_toml(cls, text: str, place: str) -> "RuleProfile":
        """The profile in this text. An unknown or missing key raises `MalformedProfile`: rules never fail open."""
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise MalformedProfile(f"{place}: this is not TOML: {error}.") from None
        _exactly(document, {"name": str, "version": str, "title": str, "threshold": dict}, place)
        threshold = document["threshold"]
        _exactly(threshold, {"units": int, "zero_is_safe": bool, "source": str}, f"{place}, threshold")
        return cls(
            name=document["name"],
            version=document["version"],
            title=document["title"],
            threshold=Threshold(**threshold),
            digest=hashlib.sha256(text.encode()).hexdigest(),
        )


def shipped_profiles() -> dict[str, str]:
    """Name → text of the profiles in this library."""
    folder = resources.files("disclosure_control") / "profiles"
    return {
        each.name.removesuffix(".toml"): each.read_text(encoding="utf-8")
        for each in folder.iterdir()
        if each.name.endswith(".toml")
    }


def _exactly(found: Mapping[str, Any], expected: Mapping[str, type], place: str) -> None:
    for key, kind in expected.items():
        if key not in found:
            raise MalformedProfile(f"{place}: the key “{key}” is missing.")
        if type(found[key]) is not kind:
            raise MalformedProfile(f"{place}: “{key}” has the wrong type; expected {kind.__name__}.")
    for key in found:
        if key not in expected:
            raise MalformedProfile(f"{place}: the key “{key}” is unknown. Known: {', '.join(expected)}.")
