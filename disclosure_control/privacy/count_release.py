"""A private release, in the only order that keeps its promise: charge, read, add noise, store, hand out."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from disclosure_control.cellfacts import Population
from disclosure_control.privacy.counts import bounded_counts
from disclosure_control.privacy.gaussian_counts import GaussianCounts
from disclosure_control.privacy.ledger import Charge, Ledger


@dataclass(frozen=True)
class PrivateCounts:
    """Noisy counts in the order of their keys, and what was paid for them. True counts are in no field."""

    counts: tuple[int, ...]
    charge: Charge


def release_counts(
    connection: duckdb.DuckDBPyConnection,
    ledger: Ledger,
    population: Population,
    mechanism: GaussianCounts,
    *,
    by: str | None,
    keys: Sequence[str],
    salt: str,
    scopes: Sequence[str],
    request: str,
) -> PrivateCounts:
    """Noisy counts of distinct units.

    The charge is durable before the data is read. A retry of the same `request` returns the stored counts and
    costs nothing; one that died before its counts were stored is paid already, and nobody saw its noise.

    Raises:
        BudgetExceeded: before anything is read.
        UnknownColumn: a column that the table does not have; the charge stands.
    """
    charge = ledger.reserve(scopes, mechanism.nano_rho, request)
    if charge.result is None:
        counts = bounded_counts(
            connection, population, by=by, keys=keys, groups_per_unit=mechanism.groups_per_unit, salt=salt
        )
        charge = ledger.commit(charge, json.dumps(mechanism.draw(counts)).encode())
    return PrivateCounts(tuple(json.loads(charge.result or b"[]")), charge)
