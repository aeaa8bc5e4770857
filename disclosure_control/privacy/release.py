"""A private release, in the only order that keeps its promise: prove, charge, read, add noise, store, hand out."""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import duckdb

from disclosure_control.errors import DisclosureControlError, LedgerError, PrivateReleaseFailed
from disclosure_control.privacy.accuracy import Estimate, estimate_of
from disclosure_control.privacy.bounded import Bounded, Codes, Integers, bounded, require_table
from disclosure_control.privacy.design import Design
from disclosure_control.privacy.dummy import dummy_table
from disclosure_control.privacy.keys import place_of
from disclosure_control.privacy.ledger import Charge, ChargeState, Ledger
from disclosure_control.privacy.ledger.scopes import scopes_of_a_charge, without_persons
from disclosure_control.privacy.measures import UNITS, Measure, Quantile, Regression, Series
from disclosure_control.privacy.mechanisms import Noise, Threshold
from disclosure_control.privacy.quantiles import scores
from disclosure_control.privacy.regression import Fit, fit
from disclosure_control.privacy.scales import Errors
from disclosure_control.privacy.totals import with_totals


@dataclass(frozen=True)
class PrivateRelease:
    """Noisy answers. True numbers are in no field.

    Attributes:
        plan: the plan's hash. nano_rho, nano_delta: what was paid.
        keys: the names of the keys; `codes` has one value of each for every group (of totals “_T”).
        answers: for each measure but regressions, one estimate for every group, in the order of `codes`.
        fits: for each regression, one fit for every group.
        charge: the charge in the ledger; None for a dry run.
    """

    plan: str
    nano_rho: int
    nano_delta: int
    keys: tuple[str, ...]
    codes: tuple[Codes, ...]
    answers: dict[str, tuple[Estimate, ...]]
    fits: dict[str, tuple[Fit, ...]]
    charge: Charge | None = None

    def to_bytes(self) -> bytes:
        """Canonical JSON, without the charge."""
        value = asdict(replace(self, charge=None))
        del value["charge"]
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()

    @classmethod
    def from_bytes(cls, content: bytes, charge: Charge | None = None) -> "PrivateRelease":
        value = json.loads(content)
        return cls(
            plan=value["plan"],
            nano_rho=value["nano_rho"],
            nano_delta=value["nano_delta"],
            keys=tuple(value["keys"]),
            codes=tuple(tuple(each) for each in value["codes"]),
            answers={name: tuple(Estimate(**each) for each in found) for name, found in value["answers"].items()},
            fits={name: tuple(Fit.from_json(each) for each in found) for name, found in value["fits"].items()},
            charge=charge,
        )


def released(
    connection: duckdb.DuckDBPyConnection,
    ledger: Ledger,
    scopes: Sequence[str],
    *,
    errors: Errors,
    plan_hash: str,
    nano_rho: int,
    nano_delta: int,
    request: str | None,
    still_allowed: Callable[[], None] = lambda: None,
) -> PrivateRelease:
    """See `PrivatePlan.release`."""
    mechanisms_of(errors, nano_delta)  # proven before anything is charged
    require_table(connection, errors.design)
    identity = request or _request(plan_hash, scopes)
    charge = ledger.reserve(scopes, nano_rho, identity, nano_delta=nano_delta)
    if charge.result is None:
        charge = _begun(ledger, charge, still_allowed)
    if charge.result is None:
        sums = _read(connection, errors.design)
        found = drawn(sums, errors, plan_hash, nano_rho, nano_delta)
        charge = ledger.commit(charge, found.to_bytes())
    if charge.result is None:
        raise PrivateReleaseFailed("The ledger did not keep the result. Nothing is handed out; the charge stands.")
    return PrivateRelease.from_bytes(charge.result, charge)


def _begun(ledger: Ledger, charge: Charge, still_allowed: Callable[[], None]) -> Charge:
    """The charge, for which the data may be read from now on; given back where it turns out that it may not."""
    try:
        still_allowed()
    except Exception as error:
        if charge.state is ChargeState.RESERVED:
            with suppress(LedgerError):  # somebody else reads for it by now: then it stays charged
                ledger.void(charge, f"refused before the data was read ({type(error).__name__})")
        raise
    return ledger.begin(charge)


def _request(plan_hash: str, scopes: Sequence[str]) -> str:
    """The identity of a question: the plan and whose budgets, but not which person asks."""
    budgets = "+".join(without_persons(scopes_of_a_charge(scopes)))
    return f"private/{hashlib.sha256(f'{plan_hash}@{budgets}'.encode()).hexdigest()}"


def _read(connection: duckdb.DuckDBPyConnection, design: Design) -> Bounded:
    """The bounded sums. What an engine says of its failure could tell of the data: it is dropped."""
    try:
        return with_totals(bounded(connection, design), design)
    except (duckdb.Error, DisclosureControlError, MemoryError, ArithmeticError, ValueError):
        raise PrivateReleaseFailed(
            "The statistic could not be computed. It stays charged, since the data was read. Tell the operator."
        ) from None


def dry(design: Design, units: int, seed: int) -> Bounded:
    """Bounded sums of made-up data."""
    with duckdb.connect() as connection:
        dummy_table(connection, design.dataset, units, seed)
        return with_totals(bounded(connection, design, salt=seed), design)


def mechanisms_of(errors: Errors, nano_delta: int) -> dict[Series, Noise | Threshold]:
    """The proven mechanism of every series but histograms, whose choices are proven too.

    Raises:
        UnprovenPrivacy: a loss above its price.
    """
    design, found = errors.design, dict[Series, Noise | Threshold]()
    for measure in design.measures:
        if isinstance(measure, Quantile):
            errors.choice(measure, design.made_of[measure.name][0])
    for series, paid in errors.split.items():
        if series.kind != "bins":
            sensitivity = design.sensitivity(series)
            known = not (design.unknown and series == UNITS)
            found[series] = Noise(design.kind, paid, sensitivity) if known else Threshold(paid, nano_delta, sensitivity)
    return found


def drawn(sums: Bounded, errors: Errors, plan_hash: str, nano_rho: int, nano_delta: int) -> PrivateRelease:
    """Fresh noise on the sums, and what follows from it."""
    design = errors.design
    noisy, codes = _noisy(sums, errors, nano_delta)
    answers: dict[str, tuple[Estimate, ...]] = {}
    fits: dict[str, tuple[Fit, ...]] = {}
    at = {code: place for place, code in enumerate(sums.codes)}
    places = [at[code] for code in codes]
    for measure in design.measures:
        if isinstance(measure, Quantile):
            histogram = sums.sums[design.names[design.made_of[measure.name][0]]]
            answers[measure.name] = _quantiles(measure, errors, histogram[places])
            continue
        numbers = [
            {series: noisy[series][place] for series in design.made_of[measure.name]} for place in range(len(codes))
        ]
        if isinstance(measure, Regression):
            fits[measure.name] = tuple(fit(measure, errors, each) for each in numbers)
        else:
            answers[measure.name] = _estimates(measure, errors, numbers)
    keys = tuple(domain.name for domain in design.domains)
    return PrivateRelease(plan_hash, nano_rho, nano_delta, keys, codes, answers, fits)


def _estimates(measure: Measure, errors: Errors, numbers: Sequence[dict[Series, int]]) -> tuple[Estimate, ...]:
    return tuple(estimate_of(measure, errors, each) for each in numbers)


def _noisy(sums: Bounded, errors: Errors, nano_delta: int) -> tuple[dict[Series, list[int]], tuple[Codes, ...]]:
    """Noisy numbers of each series, and the groups that they are of: of unknown ones those that may be told of."""
    design, mechanisms = errors.design, mechanisms_of(errors, nano_delta)
    noisy: dict[Series, list[int]] = {}
    codes, places = sums.codes, list(range(len(sums.codes)))
    counting = mechanisms.get(UNITS)
    if isinstance(counting, Threshold):
        counts = sums.sums[design.names[UNITS]].tolist()
        told = counting.draw({json.dumps(code): count for code, count in zip(sums.codes, counts, strict=True)})
        named = {tuple(json.loads(key)): count for key, count in told.items()}
        codes = tuple(sorted(named, key=lambda code: place_of(code, design.domains)))
        at = {code: place for place, code in enumerate(sums.codes)}
        places = [at[code] for code in codes]
        noisy[UNITS] = [named[code] for code in codes]
    for series, mechanism in mechanisms.items():
        if isinstance(mechanism, Noise):
            noisy[series] = mechanism.draw(sums.sums[design.names[series]][places].tolist())
    return noisy, codes


def _quantiles(measure: Quantile, errors: Errors, histograms: Integers) -> tuple[Estimate, ...]:
    series = errors.design.made_of[measure.name][0]
    choice, grid = errors.choice(measure, series), series.candidates
    found = []
    for histogram in histograms:
        place = choice.draw(scores(histogram, grid, int(measure.q * 1000)).tolist())
        found.append(Estimate(float(grid.candidate(place)), None, None))
    return tuple(found)


def as_json(release: PrivateRelease) -> dict[str, Any]:
    """The release as JSON values."""
    found: dict[str, Any] = json.loads(release.to_bytes())
    return found
