"""Rule profiles: output rules as versioned data, each number with its source (I14).

A profile is read from TOML, or made from numbers by a caller. Nothing in it is optional by accident: an unknown rule,
key or type raises, and what a publisher asks for and this library does not do is listed under `refer`, so that a
person judges it.
"""

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from difflib import get_close_matches
from functools import cache, partial
from importlib import resources
from numbers import Real
from typing import Any, Never

from disclosure_control.errors import MalformedProfile
from disclosure_control.rulebook import (
    CALLER,
    PQ,
    ClassDisclosure,
    DegreesOfFreedom,
    Dominance,
    Negatives,
    PPercent,
    Protection,
    Referral,
    Request,
    Rounding,
    Threshold,
    Weights,
)


@dataclass(frozen=True, init=False)
class RuleProfile:
    """The rules that a statistic has to pass.

    Attributes:
        digest: the SHA-256 of the profile's text; of its rules, if a caller made it.
        refer: rules of the publisher that a person has to judge.
    """

    name: str
    version: str
    title: str
    threshold: Threshold | None
    dominance: tuple[Dominance, ...]
    p_percent: PPercent | None
    pq: PQ | None
    class_disclosure: ClassDisclosure | None
    request: Request | None
    degrees_of_freedom: DegreesOfFreedom | None
    negatives: Negatives
    weights: Weights
    protection: Protection
    rounding: Rounding | None
    refer: tuple[Referral, ...]
    digest: str = field(init=False)

    def __init__(  # noqa: PLR0913 - one argument for each rule, nearly all by name
        self,
        threshold: int | Threshold | None = None,
        dominance: Sequence[tuple[int, float] | Dominance] = (),
        p_percent: float | PPercent | None = None,
        *,
        pq: tuple[float, float] | PQ | None = None,
        class_disclosure: bool | ClassDisclosure = False,
        request: float | Request | None = None,
        degrees_of_freedom: int | DegreesOfFreedom | None = None,
        negatives: str | Negatives = "refer",
        weights: str | Weights = "known",
        protection: float | Protection | None = None,
        rounding: Rounding | None = None,
        refer: Sequence[Referral] = (),
        zero_is_safe: bool = False,
        strict: bool = False,
        name: str = "custom",
        version: str = "0",
        title: str = "Rules set by the caller",
        **unknown: Never,
    ) -> None:
        """The rules given here; a number alone becomes a rule whose source is the caller.

        Args:
            threshold: the fewest units of a published cell; `strict`: more than these; `zero_is_safe`: or none.
            dominance: pairs (n, k): the n largest units may contribute k per cent of a cell.
            p_percent: p: nobody in a cell may be able to estimate another's contribution to within p per cent.
            pq: (p, q): the same, where everybody can estimate the others to within q per cent beforehand.
            class_disclosure: whether a group may not all be of one category.
            request: the per cent of a cell that a unit which asked for confidentiality may contribute.
            degrees_of_freedom: the fewest residual degrees of freedom of a model.
            negatives: "refer" or "shift", see `Negatives`. weights: "known", "sample" or "expanded", see `Weights`.
            protection: the protection, in per cent of a cell's value, of cells that break no concentration rule.

        Raises:
            MalformedProfile: an unknown rule, or a number that no such rule can have.
        """
        _require_known(unknown, [*_TEXTS, *_SECTIONS, *_LISTS, "zero_is_safe", "strict"])
        if _is_number(threshold):
            threshold = Threshold(threshold, zero_is_safe, CALLER, strict)  # type: ignore[arg-type] # judged there
        if isinstance(class_disclosure, bool):
            class_disclosure_rule = ClassDisclosure(source=CALLER) if class_disclosure else None
        else:
            class_disclosure_rule = class_disclosure
        rules: dict[str, Any] = {
            "threshold": _rule("threshold", threshold),
            "dominance": tuple(map(_dominance, _sequence("dominance", dominance))),
            "p_percent": _rule("p_percent", p_percent),
            "pq": _rule("pq", PQ(*pq, source=CALLER) if isinstance(pq, tuple) and len(pq) == 2 else pq),
            "class_disclosure": _rule("class_disclosure", class_disclosure_rule),
            "request": _rule("request", request),
            "degrees_of_freedom": _rule("degrees_of_freedom", degrees_of_freedom),
            "negatives": _rule("negatives", negatives),
            "weights": _rule("weights", weights),
            "protection": _rule("protection", protection) or Protection(),
            "rounding": _rule("rounding", rounding),
            "refer": tuple(_given("refer", Referral, each) for each in _sequence("refer", refer)),
        }
        for key, value in {"name": name, "version": version, "title": title, **rules}.items():
            object.__setattr__(self, key, value)
        self._sign(repr(sorted(rules.items())))

    def _sign(self, text: str) -> None:
        object.__setattr__(self, "digest", hashlib.sha256(text.encode()).hexdigest())

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
        unknown = [key for key in document if key not in {*_TEXTS, *_SECTIONS, *_LISTS}]
        if unknown:
            known = ", ".join([*_TEXTS, *_SECTIONS, *_LISTS])
            raise MalformedProfile(f"{place}: the rule or key “{unknown[0]}” is unknown. Known: {known}.")
        texts: dict[str, Any] = {key: _text(document, key, place) for key in _TEXTS}
        sections: dict[str, Any] = {
            key: _read(kind, document[key], f"{place}, {key}") for key, kind in _SECTIONS.items() if key in document
        }
        lists: dict[str, Any] = {
            key: _read_all(kind, document[key], f"{place}, {key}") for key, kind in _LISTS.items() if key in document
        }
        profile = cls(**texts, **sections, **lists)
        profile._sign(text)
        return profile


_TEXTS = ("name", "version", "title")
_SECTIONS: dict[str, type[Any]] = {
    "threshold": Threshold,
    "p_percent": PPercent,
    "pq": PQ,
    "class_disclosure": ClassDisclosure,
    "request": Request,
    "degrees_of_freedom": DegreesOfFreedom,
    "negatives": Negatives,
    "weights": Weights,
    "protection": Protection,
    "rounding": Rounding,
}
_LISTS: dict[str, type[Any]] = {"dominance": Dominance, "refer": Referral}


def shipped_profiles() -> dict[str, str]:
    """Name → text of the profiles in this library."""
    return dict(_shipped())


@cache
def _shipped() -> Mapping[str, str]:
    """They do not change while a process runs that has them."""
    folder = resources.files("disclosure_control") / "profiles"
    return {
        each.name.removesuffix(".toml"): each.read_text(encoding="utf-8")
        for each in folder.iterdir()
        if each.name.endswith(".toml")
    }


_FROM_ONE_NUMBER = {"p_percent", "request", "degrees_of_freedom", "protection"}
_FROM_ONE_WORD = {"negatives", "weights"}
_WRITE = {
    "threshold": "a whole number of units",
    "dominance": "a list of pairs (n, k), such as [(1, 50), (2, 67)]",
    "p_percent": "a percentage",
    "pq": "a pair (p, q) of percentages",
    "class_disclosure": "True or False",
    "request": "a percentage",
    "degrees_of_freedom": "a whole number",
    "negatives": "a word",
    "weights": "a word",
    "protection": "a percentage",
    "rounding": "Rounding(base, method, source)",
    "refer": "a list of Referral(rule, why, applies_to, source)",
}


def _rule(name: str, given: Any) -> Any:
    """A number or word of a caller as a rule; None and rules as they are."""
    kind = _SECTIONS[name]
    one = (name in _FROM_ONE_NUMBER and _is_number(given)) or (name in _FROM_ONE_WORD and isinstance(given, str))
    if one:
        return kind(given, source=CALLER)
    return None if given is None else _given(name, kind, given)


def _dominance(given: Any) -> Dominance:
    if isinstance(given, tuple | list) and len(given) == 2:
        n, k = given
        return Dominance(n, k, CALLER)
    found: Dominance = _given("dominance", Dominance, given)
    return found


def _given(name: str, kind: type[Any], given: Any) -> Any:
    if not isinstance(given, kind):
        raise MalformedProfile(f"{name}: it is {type(given).__name__}. Write {_WRITE[name]}, or a {kind.__name__}.")
    return given


def _sequence(name: str, given: Any) -> Sequence[Any]:
    if not isinstance(given, tuple | list):
        raise MalformedProfile(f"{name}: it is {type(given).__name__}. Write {_WRITE[name]}.")
    return given


def _is_number(given: Any) -> bool:
    return isinstance(given, int | float | Real) and not isinstance(given, bool)


def _require_known(unknown: Mapping[str, object], known: Sequence[str]) -> None:
    for name in unknown:
        like = "".join(f" Did you mean {each}?" for each in get_close_matches(name, known, 1))
        raise MalformedProfile(f"The rule “{name}” is unknown.{like} Known: {', '.join(known)}.")


def _text(document: Mapping[str, Any], key: str, place: str) -> str:
    if key not in document:
        raise MalformedProfile(f"{place}: the key “{key}” is missing.")
    if type(document[key]) is not str:
        raise MalformedProfile(f"{place}: “{key}” has the wrong type; expected str.")
    return str(document[key])


def _read_all(kind: type[Any], found: Any, place: str) -> tuple[Any, ...]:
    if type(found) is not list:
        raise MalformedProfile(f"{place}: expected a list of tables, [[…]].")
    return tuple(map(partial(_read, kind, place=place), found))


def _read(kind: type[Any], found: Any, place: str) -> Any:
    """A rule from its table: every key known, of its type, and there unless the rule has a default for it."""
    if type(found) is not dict:
        raise MalformedProfile(f"{place}: expected a table, […].")
    expected = {each.name: each for each in fields(kind)}
    for key in found:
        if key not in expected:
            raise MalformedProfile(f"{place}: the key “{key}” is unknown. Known: {', '.join(expected)}.")
    for key, each in expected.items():
        if key in found:
            _require_type(found[key], each.type, f"{place}: “{key}”")
        elif key == "source" or each.default is MISSING:
            raise MalformedProfile(f"{place}: the key “{key}” is missing.")
    return kind(**{key: tuple(value) if type(value) is list else value for key, value in found.items()})


_TYPES: dict[Any, tuple[type, ...]] = {
    int: (int,),
    float: (int, float),
    str: (str,),
    bool: (bool,),
    tuple[str, ...]: (list,),
}


def _require_type(value: Any, kind: Any, what: str) -> None:
    if type(value) not in _TYPES[kind]:
        raise MalformedProfile(f"{what} has the wrong type; expected {_TYPES[kind][-1].__name__}.")
    if type(value) is list and any(type(each) is not str for each in value):
        raise MalformedProfile(f"{what} has the wrong type; expected a list of texts.")
