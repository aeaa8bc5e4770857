"""What the checker answers: the table as it would be published, with its verdict, findings and evidence.

Pure and shared by the checker, the review pages and the notebook client, so that all show the same.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from safe_outputs.statistics import Plan


class Verdict(StrEnum):
    """From best to worst. `refer`: a person must judge; `blocked`: never leaves in this form."""

    SAFE = "safe"
    PROTECTED = "protected"
    REFER = "refer"
    BLOCKED = "blocked"


VERDICT_ORDER = tuple(Verdict)

Status = Literal["published", "primary", "secondary"]
WITHHELD_SIGN = "▒"
NANO = 1_000_000_000
TOTAL = "_T"
"""The code of a total, in files as everywhere in the exchange of statistics (SDMX)."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Finding(_Frozen):
    """What one rule found: the value, the limit, where the limit comes from, and a way to fix it."""

    rule: str
    verdict: Verdict
    sentence: str
    value: str
    limit: str
    source: str
    fix: str


class Column(_Frozen):
    """A column of the answer's table. `decimals` is how many are published."""

    name: str
    label: str
    unit: str | None = None
    decimals: int = 0


class Cell(_Frozen):
    """One combination of codes. A withheld cell has no values, only the reason.

    `ranges`: the 95 % interval of each noisy value; empty for exact ones. `marks`: the rules whose finding is about
    this cell; answers of before there were any have none.
    """

    codes: tuple[str, ...]
    status: Status
    reason: str | None = None
    values: tuple[int | float | None, ...]
    ranges: tuple[tuple[float, float] | None, ...] = ()
    marks: tuple[str, ...] = ()


class TableOfCells(_Frozen):
    """All combinations of the dimensions' categories, in the catalogue's order, totals (`TOTAL`) last."""

    dimensions: tuple[Column, ...]
    measures: tuple[Column, ...]
    cells: tuple[Cell, ...]


class Source(_Frozen):
    """Where the numbers come from."""

    dataset: str
    title: str
    version: int
    version_digest: str
    copy_digest: str


class RuleProfileUsed(_Frozen):
    name: str
    version: str
    digest: str


class MeasureError(_Frozen):
    """How far the noise takes the answers of one measure (or of one coefficient): a number, and the sentence's part.

    `basis`: on what the number rests. "any data", or "dummy data": if values are spread evenly between their bounds.
    """

    measure: str
    error: float | None
    words: str
    basis: Literal["any data", "dummy data"] = "any data"


class PolicyUsed(_Frozen):
    """The data owner's rule (`exact`, `private`, `refused`) for each kind that is told, and each audience.

    `digest` is that of all her release terms, so that other terms are another policy (I7).
    """

    digest: str
    rules: dict[str, dict[str, str]]


class Noise(_Frozen):
    """The mechanism, and how far its answers lie from the bounded truth at `confidence`.

    `bound` says in a sentence how each unit's contribution is bounded; what it leaves out is in no answer.
    """

    mechanism: str
    guarantee: str
    errors: tuple[MeasureError, ...]
    confidence: float = 0.95
    bound: str = ""

    @property
    def in_words(self) -> str:
        """“± 10 persons”; of several measures each with its name."""
        if len(self.errors) == 1:
            return self.errors[0].words
        return "; ".join(f"{each.measure} {each.words}" for each in self.errors)


class Quote(_Frozen):
    """What a private statistic would cost, and what is left in each budget (billionths of ρ, and of δ)."""

    nano_rho: int
    remaining: dict[str, int]
    nano_delta: int = 0
    remaining_delta: dict[str, int] = {}

    @property
    def fits(self) -> bool:
        delta = min(self.remaining_delta.values(), default=0)
        return self.nano_rho <= min(self.remaining.values(), default=0) and self.nano_delta <= delta


class Charge(_Frozen):
    """What was paid, from which budgets, and what was left in each afterwards (billionths of ρ, and of δ)."""

    id: str
    nano_rho: int
    scopes: tuple[str, ...]
    remaining: dict[str, int]
    nano_delta: int = 0
    remaining_delta: dict[str, int] = {}


class ReleaseFile(_Frozen):
    """The bytes that would leave, by hash."""

    name: str
    media_type: str
    digest: str
    size: int


class Answer(_Frozen):
    """The answer to one statistic.

    `preview` where the numbers are made up to show the answer's form. `audiences` are those for which the release
    policy permits it, `checkers` how many output checkers it asks for. `standing` says what is promised to the units
    once this was answered. Answers of before there were policies have no `policy` and no `standing`.
    """

    plan: Plan
    plan_hash: str
    provenance: Literal["verified", "derived", "manual"]
    in_words: str
    source: Source
    unit: str
    profile: RuleProfileUsed
    verdict: Verdict
    findings: tuple[Finding, ...]
    table: TableOfCells
    noise: Noise | None = None
    charge: Charge | None = None
    preview: Quote | None = None
    exemption: str | None = None
    policy: PolicyUsed | None = None
    standing: str = ""
    audiences: tuple[str, ...]
    checkers: int
    file: ReleaseFile
    software: dict[str, str]

    @property
    def withheld(self) -> int:
        """How many cells are withheld."""
        return sum(cell.status != "published" for cell in self.table.cells)


def price_in_words(found: Quote | Charge) -> str:
    """“ρ = 0.05”, with the δ that unknown keys cost beside it."""
    delta = f" and δ = {found.nano_delta / NANO:g}" if found.nano_delta else ""
    return f"ρ = {found.nano_rho / NANO:g}{delta}"


def worst(verdicts: list[Verdict]) -> Verdict:
    """The worst of the verdicts; `safe` when there are none."""
    return max(verdicts, key=VERDICT_ORDER.index, default=Verdict.SAFE)


def shown(value: int | float | None, column: Column) -> str:
    """A value as people read it: thousands separated, the column's decimals, the withheld sign for none."""
    return WITHHELD_SIGN if value is None else f"{value:,.{column.decimals}f}"


def shown_code(code: str) -> str:
    """A category as people read it."""
    return "Total" if code == TOTAL else code


def answer_from_json(value: Any) -> Answer:
    """The answer that this decoded JSON states. Raises `pydantic.ValidationError`."""
    return Answer.model_validate(value)


AUDIENCES = {
    "pre_publication": "pre-publication, for a named team",
    "publication": "publication, for everybody",
}

SEVERAL = "+"


def joined(audiences: Iterable[str]) -> str:
    """Several audiences as one word, in the order of `AUDIENCES`; of one it is that audience. Raises KeyError."""
    return SEVERAL.join(sorted(set(audiences), key=list(AUDIENCES).index))


def audiences_in(word: str) -> tuple[str, ...]:
    """The audiences that `joined` made a word of."""
    return tuple(word.split(SEVERAL))


def audience_in_words(word: str) -> str:
    """For whom it is, in words; of several audiences that there are several."""
    several = audiences_in(word)
    if len(several) == 1:
        return AUDIENCES[word]
    return f"{' and '.join(AUDIENCES[each].split(',')[0] for each in several)}, each for its own groups"
