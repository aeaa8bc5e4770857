"""Bounded contributions: what every unit may add to every group, and their sums. Trusted side only: no noise yet.

A unit with more than M rows in a group counts as M rows of their mean; this is what M rows drawn at random would add on
average, without the chance. A unit in more than K groups keeps K of them, chosen by a salted hash, the same in all
series. What a unit adds depends on its own rows only (and on the salt), so `sensitivity` holds. Sums are over whole
numbers and do not depend on the order of the rows; they are clamped to 2⁶¹, which by the proven headroom no data within
the ceiling reaches.

The data is read once. Where it is large, the rows that count are kept in a temporary table, which is then worked
through in parts that hold all rows of their units, so that memory stays flat and no order of the data is needed.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from disclosure_control.cellfacts import quoted
from disclosure_control.errors import UnknownColumn
from disclosure_control.privacy.catalogue import WORD, whole
from disclosure_control.privacy.compiled import Compiled, NumberType, TextType, TruthType, label_of
from disclosure_control.privacy.decoding import decoded
from disclosure_control.privacy.design import Design
from disclosure_control.privacy.expressions import Expression
from disclosure_control.privacy.keys import Domain, codes_of
from disclosure_control.privacy.measures import BIN_WEIGHT, Factor, Grid, Series

Integers = NDArray[np.int64]
Codes = tuple[str, ...]

ROWS_IN_A_PART = 1_500_000
MOST_PARTS = 64
CEILING = WORD // 2
HALF_A_WORD = 1 << 31


@dataclass(frozen=True)
class Bounded:
    """The sums of each series, by its name: one for each group, in the order of `codes`; (group, bin) for histograms.

    With public keys `codes` are all groups. With unknown ones they are those that somebody is in: never show them.
    """

    codes: tuple[Codes, ...]
    sums: dict[str, Integers]


def bounded(connection: duckdb.DuckDBPyConnection, design: Design, salt: int | None = None) -> Bounded:
    """The bounded sums. `salt` decides which groups of a unit are kept; fresh where it is None.

    Raises:
        UnknownColumn: the table lacks a column of the catalogue. Nothing else: no data can make it fail.
    """
    grain = secrets.randbits(62) if salt is None else salt
    with _rows(connection, design) as parts:
        linear = _linear(connection, design, parts, grain)
        codes = tuple(codes_of(design.domains)) if not design.unknown else tuple(sorted(linear))
        place = {code: number for number, code in enumerate(codes)} if design.unknown else {}
        sums = {}
        for number, series in enumerate(each for each in design.series if each.kind != "bins"):
            sums[design.names[series]] = _in_order(linear, number, codes, unknown=design.unknown)
        for series in design.series:
            if series.kind == "bins" and series.grid is not None:
                sums[design.names[series]] = _histogram(connection, design, series, series.grid, parts, place, grain)
    return Bounded(codes, sums)


def _in_order(linear: Any, number: int, codes: Sequence[Codes], *, unknown: bool) -> Integers:
    if unknown:
        return np.array([linear[code][number] for code in codes], dtype=np.int64)
    return np.asarray(linear[number], dtype=np.int64)


# ------------------------------------------------------------------------------------------------------ rows that count


@contextmanager
def _rows(connection: duckdb.DuckDBPyConnection, design: Design) -> Iterator[list[str]]:
    """Sources of rows (`_unit`, the group, the numbers), each with all rows of its units."""
    physical = _physical_types(connection, design)
    query = _rows_query(design, physical)
    row = connection.execute(f"SELECT count(*) FROM {quoted(design.dataset.table)}").fetchone()  # noqa: S608 - quoted
    parts = min(MOST_PARTS, -(-(int(row[0]) if row else 0) // ROWS_IN_A_PART))
    if parts <= 1:
        yield [f"({query})"]
        return
    table = f"_private_{secrets.token_hex(8)}"
    connection.execute(
        f"CREATE TEMP TABLE {table} AS SELECT *, (hash(_unit) % {parts})::UTINYINT AS _part FROM ({query})"  # noqa: S608
    )
    try:
        yield [f"(SELECT * FROM {table} WHERE _part = {part})" for part in range(parts)]  # noqa: S608 - our own name
    finally:
        connection.execute(f"DROP TABLE {table}")


def require_table(connection: duckdb.DuckDBPyConnection, design: Design) -> None:
    """Raise `UnknownColumn` or `MalformedPrivatePlan` unless the table is what its catalogue says; reads no row."""
    _rows_query(design, _physical_types(connection, design))


def _physical_types(connection: duckdb.DuckDBPyConnection, design: Design) -> dict[str, str]:
    found = dict(
        connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? AND NOT internal",
            [design.dataset.table],
        ).fetchall()
    )
    missing = [name for name in (design.dataset.unit, *design.compiler.columns) if name not in found]
    if missing:
        raise UnknownColumn(
            f"The table {design.dataset.table} lacks what its catalogue describes: {', '.join(missing)}. "
            "Ask the data steward."
        )
    return found


def _rows_query(design: Design, physical: dict[str, str]) -> str:
    compiler, dataset = design.compiler, design.dataset
    unit = quoted(dataset.unit)
    columns = [f"{unit} AS _unit"]
    for name, alias in compiler.columns.items():
        column = dataset.column(name)
        if column is not None:
            columns.append(f"{decoded(column, physical[name])} AS {alias}")
    source = f"SELECT {', '.join(columns)} FROM {quoted(dataset.table)} WHERE {unit} IS NOT NULL"  # noqa: S608
    parts, joins = [f"_decoded AS ({source})"], ""
    if compiler.features:
        made = ", ".join(f"{sql} AS {alias}" for sql, alias in compiler.features.items())
        parts.append(f"_features AS (SELECT _unit, {made} FROM _decoded GROUP BY _unit)")  # noqa: S608
        joins = " JOIN _features USING (_unit)"
    wanted, kept = ["_unit"], [] if design.where is None else [design.where]
    if design.unknown:
        wanted += [f"{sql} AS _k{place}" for place, sql in enumerate(design.keys)]
        kept += [f"({sql}) IS NOT NULL" for sql in design.keys]
    else:
        code, more, conditions = _group_code(design)
        small = "USMALLINT" if len(codes_of(design.domains)) <= 1 << 16 else "INTEGER"
        wanted.append(f"({code})::{small} AS _g")
        joins += more
        kept += conditions
    wanted += [f"{_narrow(compiler.compile(of))} AS {alias}" for of, alias in _numbers(design).items()]
    filtered = f" WHERE {' AND '.join(kept)}" if kept else ""
    return f"WITH {', '.join(parts)} SELECT {', '.join(wanted)} FROM _decoded{joins}{filtered}"  # noqa: S608 - as above


def _narrow(number: Compiled) -> str:
    """The number in half a word where its bounds allow it: rows that are kept take less memory."""
    fits = isinstance(number.type, NumberType) and number.type.most < HALF_A_WORD
    return f"({number.sql})::INTEGER" if fits else number.sql


def _numbers(design: Design) -> dict[Expression, str]:
    """Every expression that a series reads → its column."""
    found: dict[Expression, str] = {}
    for series in design.series:
        for of in (*series.given, *(factor.of for factor in series.factors)):
            found.setdefault(of, f"_x{len(found)}")
    return found


def _group_code(design: Design) -> tuple[str, str, list[str]]:
    """SQL of a row's group, the joins that it needs, and conditions that leave out what is in none."""
    terms, joins, conditions = [], "", []
    stride = 1
    for place in reversed(range(len(design.domains))):
        domain, sql = design.domains[place], design.keys[place]
        code, join, condition = _place_of(domain, sql, f"_d{place}")
        terms.append(f"({code})::INTEGER * {stride}")
        joins += join
        conditions += condition
        stride *= len(domain.values)
    return f"({' + '.join(terms) or '0'})::INTEGER", joins, conditions


def _place_of(domain: Domain, sql: str, alias: str) -> tuple[str, str, list[str]]:
    kind, values = domain.type, domain.values
    if isinstance(kind, NumberType) and len(values) == kind.upper - kind.lower + 1:
        return f"({sql} - ({kind.lower}))", "", [f"({sql}) IS NOT NULL"]
    if isinstance(kind, TruthType):
        arms = " ".join(f"WHEN {'' if value == 'true' else 'NOT '}({sql}) THEN {n}" for n, value in enumerate(values))
        return f"CASE {arms} END", "", [f"(CASE {arms} END) IS NOT NULL"]
    pairs = ", ".join(f"({_literal(value, kind)}, {number})" for number, value in enumerate(values))
    return f"{alias}.i", f" JOIN (VALUES {pairs}) AS {alias}(v, i) ON {alias}.v = {sql}", []


def _literal(value: str, kind: NumberType | TextType | TruthType) -> str:
    if isinstance(kind, NumberType):
        return f"({whole(Decimal(value), kind.places)})::BIGINT"
    return "'" + value.replace("'", "''") + "'"


# ------------------------------------------------------------------------------------------------------ sums


def _linear(connection: duckdb.DuckDBPyConnection, design: Design, parts: Sequence[str], salt: int) -> Any:
    """Sums of all series but histograms: an array (series, group), or group → numbers where keys are unknown."""
    series = [each for each in design.series if each.kind != "bins"]
    if design.unknown:
        return _of_unknown_keys(connection, design, series, parts, salt)
    cells = len(codes_of(design.domains))
    sums = np.zeros((len(series), cells), np.int64)
    for part in parts if series else ():
        found = connection.execute(_sums_query(design, series, part, salt)).fetchnumpy()
        group = np.asarray(found["_g"], dtype=np.int64)
        for number in range(len(series)):
            row = sums[number]
            row[group] = np.clip(row[group] + np.asarray(found[f"_s{number}"], dtype=np.int64), -CEILING, CEILING)
    return sums


def _of_unknown_keys(
    connection: duckdb.DuckDBPyConnection, design: Design, series: Sequence[Series], parts: Sequence[str], salt: int
) -> dict[Codes, list[int]]:
    kinds, keys = [domain.type for domain in design.domains], len(design.domains)
    found: dict[Codes, list[int]] = {}
    for part in parts:
        for row in connection.execute(_sums_query(design, series, part, salt)).fetchall():
            code = tuple(label_of(value, kind) for value, kind in zip(row[:keys], kinds, strict=True))
            before = found.get(code, [0] * len(series))
            found[code] = [max(-CEILING, min(CEILING, a + b)) for a, b in zip(before, row[keys:], strict=True)]
    return found


def _group_columns(design: Design) -> list[str]:
    return [f"_k{place}" for place in range(len(design.keys))] if design.unknown else ["_g"]


def _sums_query(design: Design, series: Sequence[Series], source: str, salt: int) -> str:
    """Rows → one line for each unit and group → at most K of them for each unit → one line for each group."""
    group = ", ".join(_group_columns(design))
    aggregates, contributions = _contributions(design, series)
    made = "".join(f", {sql} AS {alias}" for alias, sql in aggregates.items())
    added = "".join(f", {sql} AS _s{number}" for number, sql in enumerate(contributions))
    total = "".join(
        f", greatest({-CEILING}::HUGEINT, least({CEILING}::HUGEINT, sum(_s{number})))::BIGINT AS _s{number}"
        for number in range(len(series))
    )
    return f"""
        WITH _pairs AS (SELECT _unit, {group}, count(*) AS _n{made} FROM {source} GROUP BY _unit, {group}),
        _kept AS (SELECT {group}{added} FROM _pairs {_at_most_k(design, group, salt)})
        SELECT {group}{total} FROM _kept GROUP BY {group}
    """  # noqa: S608 - our own names, compiled expressions


def _at_most_k(design: Design, group: str, salt: int) -> str:
    if not design.unknown and design.groups >= len(codes_of(design.domains)):
        return ""
    return f"QUALIFY row_number() OVER (PARTITION BY _unit ORDER BY {_chance(group, salt)}) <= {design.groups}"


def _chance(group: str, salt: int) -> str:
    """An order of a unit's groups. DuckDB's hash of several values is nearly their hashes' XOR: it is hashed again."""
    return f"hash(xor(hash(_unit, {group}), {salt}::UBIGINT)), {group}"


def _contributions(design: Design, series: Sequence[Series]) -> tuple[dict[str, str], list[str]]:
    """Aggregates over a unit's rows in a group (alias → SQL), and what the unit adds to each series."""
    numbers = _numbers(design)
    aggregates: dict[str, str] = {}
    added = []
    for each in series:
        if each.kind == "units":
            added.append("1::BIGINT")
            continue
        present = " AND ".join(f"{numbers[of]} IS NOT NULL" for of in each.given)
        rows = _aliased(aggregates, f"count(*) FILTER (WHERE {present})", "_n") if present else "_n"
        if each.kind == "rows":
            added.append(f"least({rows}, {design.rows})")
            continue
        product = " * ".join(_factor_sql(factor, numbers[factor.of]) for factor in each.factors)
        summed = f"sum({product})" + (f" FILTER (WHERE {present})" if present else "")
        added.append(_scaled_down(_aliased(aggregates, summed, "_t"), rows, design.rows, each.shift))
    return aggregates, added


def _aliased(aggregates: dict[str, str], sql: str, prefix: str) -> str:
    for alias, known in aggregates.items():
        if known == sql:
            return alias
    alias = f"{prefix}{len(aggregates)}"
    aggregates[alias] = sql
    return alias


def _factor_sql(factor: Factor, column: str) -> str:
    less = f"({column}::BIGINT - ({factor.centre})::BIGINT)" if factor.centre else f"{column}::BIGINT"
    return f"({less} // {1 << factor.coarse}::BIGINT)" if factor.coarse else less


def _scaled_down(total: str, rows: str, most: int, shift: int) -> str:
    """The sum of a unit's rows, as if it had `most` rows of their mean; times 2^shift, towards zero."""
    up, down = f"{1 << max(shift, 0)}::HUGEINT", f"{1 << max(-shift, 0)}::HUGEINT"
    few = f"{total} // {down}" if shift < 0 else f"{total}::BIGINT * {1 << shift}::BIGINT"
    many = f"({total} * {up} * {most}::HUGEINT) // ({rows} * {down})"
    return f"coalesce(CASE WHEN {rows} <= {most} THEN {few} ELSE {many} END, 0)::BIGINT"


# ------------------------------------------------------------------------------------------------------ histograms


def _histogram(
    connection: duckdb.DuckDBPyConnection,
    design: Design,
    series: Series,
    grid: Grid,
    parts: Sequence[str],
    place: dict[Codes, int],
    salt: int,
) -> Integers:
    """Rows in each bin of the grid, in parts of `BIN_WEIGHT`: (group, bin)."""
    cells = len(place) if design.unknown else len(codes_of(design.domains))
    sums = np.zeros((cells, grid.bins), np.int64)
    kinds, keys = [domain.type for domain in design.domains], len(_group_columns(design))
    for part in parts:
        for row in connection.execute(_histogram_query(design, series, grid, part, salt)).fetchall():
            group = row[0]
            if design.unknown:
                group = place.get(tuple(label_of(value, kind) for value, kind in zip(row[:keys], kinds, strict=True)))
            if group is not None:
                sums[group, row[keys]] = min(CEILING, int(sums[group, row[keys]]) + row[keys + 1])
    return sums


def _histogram_query(design: Design, series: Series, grid: Grid, source: str, salt: int) -> str:
    group = ", ".join(_group_columns(design))
    x = _numbers(design)[series.given[0]]
    above = f"({x}::BIGINT - ({grid.lower})::BIGINT)"
    bin_sql = f"(2 * ({above} // {grid.step}) + CASE WHEN {above} % {grid.step} = 0 THEN 0 ELSE 1 END)"
    ranked = ""
    if design.unknown or design.groups < len(codes_of(design.domains)):
        ranked = f"QUALIFY dense_rank() OVER (PARTITION BY _unit ORDER BY {_chance(group, salt)}) <= {design.groups}"
    return f"""
        WITH _binned AS (SELECT _unit, {group}, {bin_sql} AS _b, count(*) AS _c FROM {source} GROUP BY ALL),
        _counted AS (
            SELECT *, (sum(_c) FILTER (WHERE _b IS NOT NULL) OVER (PARTITION BY _unit, {group}))::BIGINT AS _n
            FROM _binned {ranked}
        ),
        _kept AS (
            SELECT {group}, _b, (_c::HUGEINT * {BIN_WEIGHT} * least(_n, {design.rows})) // _n AS _w
            FROM _counted WHERE _b IS NOT NULL
        )
        SELECT {group}, _b, least({CEILING}::HUGEINT, sum(_w))::BIGINT FROM _kept GROUP BY {group}, _b
    """  # noqa: S608 - our own names, compiled expressions
