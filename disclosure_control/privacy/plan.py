"""A private plan: what is asked, of whom, within which bounds and at which price; and all that follows from it.

    plan = PrivatePlan.of(dataset, by=[Key(name="site", of=Column(name="site"))],
                          measures=[CountUnits(name="persons")], groups_per_unit=1, price=Price(nano_rho=50_000_000))
    plan.accuracy()["persons"].error          # free
    plan.release(connection, ledger, ["dataset:visits", "project:p/visits"])

Plans are frozen and valid when made. Equal questions have equal canonical JSON and equal hashes, however they were
written down (builder or SQL).
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal, Self, TypeAlias, TypeVar

import duckdb
from pydantic import Field, ValidationError, model_validator

from disclosure_control.errors import BudgetExceeded, MalformedPrivatePlan, PriceTooHigh
from disclosure_control.privacy.accuracy import ALPHA, GROUP_SIZE, Accuracy, accuracy_of
from disclosure_control.privacy.advice import what_fits
from disclosure_control.privacy.bounded import Bounded, bounded
from disclosure_control.privacy.catalogue import Exact, Frozen, Name, PublicDataset
from disclosure_control.privacy.design import Design, designed
from disclosure_control.privacy.expressions import Expression, columns_of, nodes
from disclosure_control.privacy.keys import Key
from disclosure_control.privacy.ledger import Ledger
from disclosure_control.privacy.measures import UNITS, Measure, Quantile, Regression
from disclosure_control.privacy.mechanisms import DELTA, NANO, Kind, Threshold, epsilon_of
from disclosure_control.privacy.release import PrivateRelease, drawn, dry, released
from disclosure_control.privacy.scales import Errors
from disclosure_control.privacy.sensitivity import Sensitivity
from disclosure_control.privacy.totals import with_totals

MOST_DEPTH, MOST_NODES, MOST_CHARACTERS = 60, 3000, 1_000_000
DEAREST = 10**12


class Price(Frozen):
    """What it may cost: billionths of ρ."""

    kind: Literal["rho"] = "rho"
    nano_rho: Annotated[int, Field(ge=1, le=DEAREST)]


class Wanted(Frozen):
    """The accuracy that it must have: the least price is paid at which `measure` has this 95 % error.

    In the answer's own units; of a quantile that on dummy data (see `Accuracy`). Not of a regression.
    """

    kind: Literal["accuracy"] = "accuracy"
    measure: Name
    error: Annotated[Exact, Field(gt=0)]
    group_size: Annotated[int, Field(ge=1)] = GROUP_SIZE


class UnknownKeys(Frozen):
    """Keys are not listed: those are told of that enough units have. `nano_delta`: billionths of δ that it costs."""

    nano_delta: Annotated[int, Field(ge=1, lt=NANO)] = 1000


Measures: TypeAlias = Annotated[tuple[Measure, ...], Field(min_length=1, max_length=20)]


@dataclass(frozen=True)
class Cost:
    """What a plan is charged: ρ of zero-concentrated differential privacy, in billionths.

    `epsilon` and `delta` say the same as an (ε, δ) guarantee; `nano_delta` is the part of δ that unknown keys cost
    beyond ρ. `split`: what each series pays of `nano_rho`.
    """

    nano_rho: int
    nano_delta: int
    split: dict[str, int]

    @property
    def rho(self) -> float:
        return self.nano_rho / NANO

    @property
    def delta(self) -> float:
        return DELTA + self.nano_delta / NANO

    @property
    def epsilon(self) -> float:
        return epsilon_of(self.nano_rho)


class Question(Frozen):
    """What is asked of a dataset, without the dataset's description.

    Attributes:
        where: which rows count.
        by: the keys of the groups; `unknown_keys` where they are not public.
        groups_per_unit, rows_per_unit: K and M: in how many groups, and with how many rows in each, a unit counts.
        margins: answer the totals over every choice of keys too; true numbers add up, and `consistent_release` makes
            noisy ones.
    """

    where: Expression | None = None
    by: Annotated[tuple[Key, ...], Field(max_length=6)] = ()
    unknown_keys: UnknownKeys | None = None
    groups_per_unit: Annotated[int, Field(ge=1, le=100_000)] = 1
    rows_per_unit: Annotated[int, Field(ge=1, le=100_000)] = 1
    measures: Measures
    mechanism: Kind = "gaussian"
    margins: bool = False
    price: Annotated[Price | Wanted, Field(discriminator="kind")]


class PrivatePlan(Question):
    """See the module. `dataset` holds the columns that the plan uses and no others."""

    dataset: PublicDataset

    @model_validator(mode="after")
    def _valid(self) -> Self:
        names = [each.name for each in (*self.by, *self.measures)]
        if len(set(names)) != len(names):
            raise ValueError("keys and measures have names that differ")
        if self.unknown_keys is not None and not self.by:
            raise ValueError("unknown keys need a key")
        try:
            self._require_used_columns()
            self.cost()
        except MalformedPrivatePlan as error:
            raise ValueError(str(error)) from None
        return self

    def _require_used_columns(self) -> None:
        used = _used(self.where, self.by, self.measures)
        lost = used - {each.name for each in self.dataset.columns}
        if lost:
            raise MalformedPrivatePlan(f"{', '.join(sorted(lost))}: no column that a plan can use.")
        if self.dataset != self.dataset.only(used):
            raise MalformedPrivatePlan("dataset: a plan holds the columns that it uses, by name, and no others.")

    @classmethod
    def of(
        cls,
        dataset: PublicDataset,
        *,
        measures: Sequence[Any],
        price: Price | Wanted,
        where: Any = None,
        by: Sequence[Key] = (),
        unknown_keys: UnknownKeys | None = None,
        groups_per_unit: int = 1,
        rows_per_unit: int = 1,
        mechanism: Kind = "gaussian",
        margins: bool = False,
    ) -> Self:
        """A plan on a published dataset, of which it takes the columns that it uses.

        Raises:
            MalformedPrivatePlan: says what does not fit.
        """
        used = _used(where, by, measures)
        lost = sorted(used - {each.name for each in dataset.columns})
        if lost:
            names = ", ".join(each.name for each in dataset.columns)
            raise MalformedPrivatePlan(f"{dataset.name} has no column {', '.join(lost)}. It has: {names}.")
        return _valid_or_sentence(
            lambda: cls(
                dataset=dataset.only(used),
                where=where,
                by=tuple(by),
                unknown_keys=unknown_keys,
                groups_per_unit=groups_per_unit,
                rows_per_unit=rows_per_unit,
                measures=tuple(measures),
                mechanism=mechanism,
                margins=margins,
                price=price,
            )
        )

    @classmethod
    def asked(cls, dataset: PublicDataset, question: str | bytes) -> Self:
        """The plan of a question (its JSON) about a published dataset. Raises `MalformedPrivatePlan`."""
        text = json.dumps(_json(question))
        found = _valid_or_sentence(lambda: Question.model_validate_json(text, strict=True))
        return cls.of(dataset, **{name: getattr(found, name) for name in Question.model_fields})

    def at(self, nano_rho: int) -> Self:
        """The same plan at another price."""
        return self.changed(price={"kind": "rho", "nano_rho": nano_rho})

    def changed(self, **facts: Any) -> Self:
        """The same plan but for these facts. Raises `MalformedPrivatePlan` as `of`."""
        return type(self).of(self.dataset, **({name: getattr(self, name) for name in Question.model_fields} | facts))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The plan that this JSON states. Raises `MalformedPrivatePlan` for anything else."""
        value = _json(text)
        return _valid_or_sentence(lambda: cls.model_validate_json(json.dumps(value), strict=True))

    def to_json(self) -> str:
        """Canonical JSON: every field (`margins` where it is true, since plans had none), sorted keys, no spaces."""
        value = self.model_dump(mode="json")
        if not self.margins:
            del value["margins"]
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @cached_property
    def design(self) -> Design:
        """The plan made ready: compiled, with its groups and series."""
        return designed(
            self.dataset,
            self.where,
            self.by,
            self.measures,
            unknown=self.unknown_keys is not None,
            groups=self.groups_per_unit,
            rows=self.rows_per_unit,
            kind=self.mechanism,
            margins=self.margins,
        )

    def require_published(self, dataset: PublicDataset) -> None:
        """Raise `MalformedPrivatePlan` unless version, unit, bounds and keys are those that the steward published."""
        names = {each.name for each in self.dataset.columns}
        if self.dataset != dataset.only(names):
            raise MalformedPrivatePlan(
                f"This plan was made for another description of {dataset.name} than the published one (version "
                f"{dataset.version}). Make it anew from the catalogue."
            )

    def sensitivity(self) -> dict[str, Sensitivity]:
        """How much one unit can change each series of `bounded`, by the series' name."""
        design = self.design
        return {design.names[each]: design.sensitivity(each) for each in design.series}

    def cost(self) -> Cost:
        """What it is charged. Raises `MalformedPrivatePlan` where no price buys the wanted accuracy."""
        nano = self.price.nano_rho if isinstance(self.price, Price) else self._least_price(self.price)
        split = self.design.split(nano)
        delta = self.unknown_keys.nano_delta if self.unknown_keys is not None else 0
        return Cost(nano, delta, {self.design.names[series]: paid for series, paid in split.items()})

    def errors(self) -> Errors:
        """The noise of each series at the plan's price."""
        return Errors(self.design, self.design.split(self.cost().nano_rho))

    def threshold(self) -> int | None:
        """The least noisy number of units of which an unknown key is told; None where keys are public."""
        if self.unknown_keys is None:
            return None
        paid = self.errors().split[UNITS]
        return Threshold(paid, self._nano_delta, self.design.sensitivity(UNITS)).threshold

    def accuracy(self, group_size: int = GROUP_SIZE) -> dict[str, Accuracy]:
        """The 95 % error of each measure, in its own units, before anything is spent; and on what it rests."""
        errors = self.errors()
        return {each.name: accuracy_of(each, errors, group_size) for each in self.measures}

    def bounded(self, connection: duckdb.DuckDBPyConnection, salt: int | None = None) -> dict[str, list[Any]]:
        """The bounded sums of each series, without noise: for the trusted side alone, never to be shown.

        A list in the order of the groups (of lists of bins, for a quantile); with unknown keys of the groups that
        somebody is in, which the entry "groups" names.
        """
        found: Bounded = with_totals(bounded(connection, self.design, salt), self.design)
        sums: dict[str, list[Any]] = {name: each.tolist() for name, each in found.sums.items()}
        return sums | {"groups": list(found.codes)} if self.design.unknown else sums

    def dry_run(self, units: int = 1000, seed: int = 0) -> PrivateRelease:
        """The answer for made-up data of the same form: free, and without the data having been read."""
        return drawn(dry(self.design, units, seed), self.errors(), self.hash, self.cost().nano_rho, self._nano_delta)

    def release(
        self,
        connection: duckdb.DuckDBPyConnection,
        ledger: Ledger,
        scopes: Sequence[str],
        *,
        request: str | None = None,
        still_allowed: Callable[[], None] = lambda: None,
    ) -> PrivateRelease:
        """The noisy answer, charged to all scopes before the data is read.

        A retry of the same plan (or the same `request`) on the same scopes returns the stored bytes and costs nothing.
        `still_allowed` is called between charge and reading: where it raises, the charge is given back, with its
        error's name as the reason.

        Raises:
            PriceTooHigh: above what is left; nothing was read, nothing was charged. Says what would fit.
            PrivateReleaseFailed: the data could not be computed on; the charge stands.
        """
        try:
            return released(
                connection,
                ledger,
                scopes,
                errors=self.errors(),
                plan_hash=self.hash,
                nano_rho=self.cost().nano_rho,
                nano_delta=self._nano_delta,
                request=request,
                still_allowed=still_allowed,
            )
        except BudgetExceeded as short:
            raise PriceTooHigh(short.scope, short.price, short.left, what_fits(self, short.left)) from None

    @property
    def _nano_delta(self) -> int:
        return self.unknown_keys.nano_delta if self.unknown_keys is not None else 0

    def _least_price(self, wanted: Wanted) -> int:
        measure = next((each for each in self.measures if each.name == wanted.measure), None)
        if measure is None:
            names = ", ".join(each.name for each in self.measures)
            raise MalformedPrivatePlan(f"There is no measure “{wanted.measure}”. There are: {names}.")
        if isinstance(measure, Regression):
            raise MalformedPrivatePlan(
                f"“{wanted.measure}” is a regression, whose coefficients have an error each. Name a price instead, and "
                "look at the errors that it buys."
            )

        def enough(nano: int) -> bool:
            try:
                split = self.design.split(nano)
            except MalformedPrivatePlan:
                return False
            error = accuracy_of(measure, Errors(self.design, split), wanted.group_size, ALPHA).error
            return error is not None and error <= float(wanted.error)

        if not enough(DEAREST):
            raise MalformedPrivatePlan(
                f"No price buys “{wanted.measure}” with an error of {wanted.error:f}"
                + (" (candidates of a quantile are a grid)." if isinstance(measure, Quantile) else ".")
                + " Ask for a larger error, larger groups or narrower bounds."
            )
        low, high = 1, DEAREST
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if enough(middle) else (middle + 1, high)
        return low


_P = TypeVar("_P", bound=Question)


def _used(where: Any, by: Sequence[Key], measures: Sequence[Any]) -> set[str]:
    parts: list[Frozen] = [*([where] if where is not None else []), *by, *measures]
    return {name for part in parts for name in columns_of(part)}


def _json(text: str | bytes) -> Any:
    if len(text) > MOST_CHARACTERS:
        raise MalformedPrivatePlan("This plan is too long.")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise MalformedPrivatePlan("This plan is no JSON.") from None
    level, depth, seen = [value], 0, 0
    while level:
        depth, seen = depth + 1, seen + len(level)
        if depth > MOST_DEPTH or seen > MOST_NODES * 20:
            raise MalformedPrivatePlan("This plan is nested too deeply, or has too many parts.")
        level = [
            part
            for each in level
            if isinstance(each, dict | list)
            for part in (each.values() if isinstance(each, dict) else each)
        ]
    return value


def _valid_or_sentence(make: Callable[[], _P]) -> _P:
    try:
        plan = make()
    except ValidationError as error:
        places = "; ".join(
            f"{'.'.join(str(part) for part in each['loc']) or 'plan'}: {each['msg'].removeprefix('Value error, ')}"
            for each in error.errors(include_input=False, include_url=False)[:3]
        )
        raise MalformedPrivatePlan(f"This is no plan that can be asked for: {places.rstrip('.')}.") from None
    if sum(1 for part in (plan.where, *plan.by, *plan.measures) if part is not None for _ in nodes(part)) > MOST_NODES:
        raise MalformedPrivatePlan("This plan has too many parts.")
    return plan
