"""What an author has to say of a file that is to leave, by what it is, so that an output checker can judge it.

No rule can compute a file anew, so that its author gives what the rules need: how many units stand behind it, how few
behind its smallest part, how it was made from which data, and why nobody can be told from it. The kinds of output, and
what each has to give, are those of the field's guides: the Handbook on Statistical Disclosure Control for Outputs
(SDAP, 2019; the statistics by type), the ONS Secure Research Service (at least 10 contributors), and ACRO's defaults
(`acro/default.yaml`: residual degrees of freedom 10, dominance of the two largest 90 %).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from safe_outputs.answers import Finding, Verdict
from safe_outputs.limits import LONGEST_STATEMENT

OutputKind = Literal["counts", "magnitudes", "figure", "model", "code", "text"]
Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_STATEMENT)]


class FileStatement(BaseModel):
    """What the author says of one file.

    `what`: the kind of output; `data`: the datasets from which it was made; `units`: how many persons (or households,
    businesses) stand behind all of it, `smallest`: behind its smallest cell, bar or point; `largest_two_percent`: the
    most that the two largest units give to a total; `degrees_of_freedom`: of a model's residuals.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: OutputKind
    shows: Said
    made: Said
    why_safe: Said
    data: tuple[Annotated[str, StringConstraints(max_length=100)], ...] = Field(default=(), max_length=20)
    units: int | None = Field(default=None, ge=0, lt=2**53)
    smallest: int | None = Field(default=None, ge=0, lt=2**53)
    largest_two_percent: float | None = Field(default=None, ge=0, le=100)
    degrees_of_freedom: int | None = Field(default=None, ge=0, lt=2**53)


@dataclass(frozen=True)
class Needed:
    """What an output of one kind has to give beside words; `kinds` are those of `safe_outputs.files` it can be of."""

    words: str
    numbers: tuple[str, ...]
    kinds: frozenset[str]
    from_data: bool = True


_TABLES = frozenset({"table", "spreadsheet", "text", "json", "markup"})

NEEDED: dict[OutputKind, Needed] = {
    "counts": Needed("a table of counts or shares", ("units", "smallest"), _TABLES),
    "magnitudes": Needed("a table of means or totals", ("units", "smallest", "largest_two_percent"), _TABLES),
    "figure": Needed("a figure", ("units", "smallest"), frozenset({"picture", "drawing"})),
    "model": Needed("estimates of a model", ("units", "degrees_of_freedom"), _TABLES),
    "code": Needed("code", (), frozenset({"code", "notebook", "text"}), from_data=False),
    "text": Needed("text without numbers from the data", (), frozenset({"text", "markup"}), from_data=False),
}

NUMBERS: dict[str, str] = {
    "units": "how many units stand behind it",
    "smallest": "how few units stand behind its smallest cell, bar or point",
    "largest_two_percent": "what percentage of a total its two largest units give, at the most",
    "degrees_of_freedom": "the residual degrees of freedom",
}


def missing(statement: FileStatement, kind: str) -> str | None:
    """What this statement lacks or says wrong of a file of this kind, as a sentence; None where it is whole."""
    needed = NEEDED[statement.what]
    if kind not in needed.kinds:
        others = ", ".join(what for what, each in NEEDED.items() if kind in each.kinds)
        return f"by its content it is of the kind {kind}, which is no {statement.what}. Say what= one of: {others}."
    lacking = [f"{name}= ({NUMBERS[name]})" for name in needed.numbers if getattr(statement, name) is None]
    if needed.from_data and not statement.data:
        lacking.append("data= (the names of the datasets from which it was made)")
    if lacking:
        return f"of {needed.words} an output checker has to know more. Give {', '.join(lacking)}."
    return None


@dataclass(frozen=True)
class _Limit:
    """A rule of thumb for a number that an author states; `low` is whether less, or more, makes a person look."""

    rule: str
    number: str
    limit: int
    low: bool
    words: str
    source: str


_RULES = (
    _Limit("threshold", "smallest", 10, True, "units behind the smallest part", "ONS, Secure Research Service"),
    _Limit(
        "degrees of freedom", "degrees_of_freedom", 10, True, "residual degrees of freedom", "ACRO, acro/default.yaml"
    ),
    _Limit(
        "dominance", "largest_two_percent", 90, False, "% of a total from two units", "ACRO, acro/default.yaml (n=2, k)"
    ),
)


def findings(statement: FileStatement, title: str) -> Iterator[Finding]:
    """What the stated numbers say by the rules of thumb. They are the author's word, so that a person judges them."""
    for rule in _RULES:
        stated = getattr(statement, rule.number)
        if stated is not None and (stated < rule.limit if rule.low else stated > rule.limit):
            bound = "at least" if rule.low else "at most"
            yield Finding(
                rule=rule.rule,
                verdict=Verdict.REFER,
                sentence=f"Of {title} its author states {stated:g} {rule.words}; the rule of thumb is {bound} "
                f"{rule.limit}. An output checker has to judge it.",
                value=f"{stated:g}",
                limit=f"{bound} {rule.limit}",
                source=rule.source,
                fix="Merge small parts, or say why nobody can be told from it.",
            )


def in_words(stated: dict[str, Any]) -> list[tuple[str, str]]:
    """A kept statement as pairs of label and text, for pages and packages."""
    statement = FileStatement.model_validate(stated)
    numbers = [(name, getattr(statement, name)) for name in NUMBERS]
    return [
        ("What it is", NEEDED[statement.what].words.capitalize()),
        ("What it shows", statement.shows),
        ("How it was made", statement.made),
        ("From which data", ", ".join(statement.data) or "none"),
        *((NUMBERS[name].capitalize(), _in_full(value)) for name, value in numbers if value is not None),
        ("Why nobody can be told from it", statement.why_safe),
    ]


def _in_full(value: int | float) -> str:
    """A number with every digit that it has in the package, so that none leaves which nobody has seen."""
    return f"{value:,}".removesuffix(".0")
