"""Rule profiles: output rules as versioned data, each number with its source (I14)."""

import hashlib
import tomllib
from collections.abc import Mapping
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
class RuleProfile:
    """The rules that a table has to pass. `digest` is the SHA-256 of the profile's text."""

    name: str
    version: str
    title: str
    threshold: Threshold
    digest: str

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
