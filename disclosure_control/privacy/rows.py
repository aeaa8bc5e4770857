"""The rows that count, as DuckDB reads them: whole numbers alone, part by part.

A part holds all rows of its units: it is a range of units, whose bounds come from a sample and decide nothing but how
the work is divided. Where the table is ordered by its unit, DuckDB reads little more than the part; where it is not, it
reads the unit's column again for each part. Nothing is kept on disk, and what is in memory does not grow with the rows.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from math import prod
from typing import Any

import duckdb
from numpy.typing import NDArray

from disclosure_control.cellfacts import quoted
from disclosure_control.errors import UnknownColumn
from disclosure_control.privacy.catalogue import whole
from disclosure_control.privacy.compiled import NumberType, TextType, TruthType, label_of
from disclosure_control.privacy.decoding import decoded
from disclosure_control.privacy.design import Design
from disclosure_control.privacy.expressions import Expression
from disclosure_control.privacy.keys import Domain

Chunk = dict[str, NDArray[Any]]

MOST_CODES = 1 << 24
"""Groups that have a number of their own. Unknown keys may have more values: those found in a part are numbered."""

BYTES_IN_A_PART = 256_000_000
NUMBERING = 60  # bytes that a row takes in DuckDB where units are numbered
SAMPLED = 200  # rows for each part
VECTORS = 60  # of 2,048 rows, in a chunk
HALF_A_WORD = 1 << 31
SIGNED = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"})
ORDERED = SIGNED | {"VARCHAR", "UUID"}  # units by whose ranges a table is read; others by those of their hashes


@dataclass(frozen=True)
class Number:
    """A column of numbers from `lower` to `upper`; what is missing is `lower` - 1."""

    alias: str
    lower: int
    upper: int

    @property
    def bits(self) -> int:
        return (self.upper - self.lower + 1).bit_length()

    @property
    def type(self) -> str:
        return "INTEGER" if max(abs(self.lower - 1), abs(self.upper)) < HALF_A_WORD else "BIGINT"


@dataclass(frozen=True)
class Part:
    """A range of units. `span`: the smallest and largest, where units are whole numbers of at most 64 bits."""

    condition: str = "true"
    bounds: tuple[Any, ...] = ()
    span: tuple[int, int] | None = None


@dataclass(frozen=True)
class Place:
    """SQL of a key's place among its values, from 0; the joins that it needs, and what leaves out rows without one.

    A number of more values than `MOST_CODES` is its own place.
    """

    sql: str
    size: int
    join: str = ""
    condition: str = "true"


@dataclass(frozen=True)
class Source:
    """A dataset's table as a design reads it."""

    connection: duckdb.DuckDBPyConnection
    design: Design
    physical: dict[str, str]

    @cached_property
    def numbers(self) -> dict[Expression, Number]:
        """Every expression that a series reads → its column."""
        found: dict[Expression, Number] = {}
        for series in self.design.series:
            for of in (*series.given, *(factor.of for factor in series.factors)):
                if of not in found:
                    kind = self.design.compiler.number(of, "A measure")[1]
                    found[of] = Number(f"_x{len(found)}", kind.lower, kind.upper)
        return found

    @cached_property
    def places(self) -> tuple[Place, ...]:
        pairs = zip(self.design.domains, self.design.keys, strict=True)
        return tuple(_place_of(domain, sql, f"_d{number}") for number, (domain, sql) in enumerate(pairs))

    @property
    def cells(self) -> int:
        return prod(place.size for place in self.places)

    @property
    def wide(self) -> bool:
        """Whether keys are unknown and have so many values that those found are numbered."""
        return self.cells > MOST_CODES

    @property
    def unit_type(self) -> str:
        return self.physical[self.design.dataset.unit]

    @cached_property
    def extent(self) -> tuple[int, int | None, int | None]:
        """How many rows there are, and the smallest and largest unit where units are whole numbers of 64 bits."""
        unit = quoted(self.design.dataset.unit)
        ends = f"min({unit}), max({unit})" if self.unit_type in SIGNED else "NULL, NULL"
        (row,) = self.connection.execute(f"SELECT count(*), {ends} FROM {self._table}").fetchall()  # noqa: S608 - quoted
        return row[0], row[1], row[2]

    @property
    def _table(self) -> str:
        return quoted(self.design.dataset.table)

    def parts(self, row_bytes: int) -> Iterator[Part]:
        """Ranges that hold each unit once, of about `BYTES_IN_A_PART`."""
        unit = quoted(self.design.dataset.unit)
        axis = unit if self.unit_type in ORDERED else f"hash({unit})"
        rows, least, most = self.extent
        parts = -(-rows * row_bytes // BYTES_IN_A_PART)
        cuts = self._cuts(axis, parts) if parts > 1 else []
        if self.unit_type not in SIGNED:
            yield from _ranges(axis, cuts)
        elif least is not None and most is not None:
            edges = sorted({least, *(cut for cut in cuts if least < cut <= most), most + 1})
            for low, high in itertools.pairwise(edges):
                yield Part(f"{unit} BETWEEN {low} AND {high - 1}", (), (low, high - 1))

    def _cuts(self, axis: str, parts: int) -> list[Any]:
        sample = f"SELECT {axis} AS a FROM {self._table} USING SAMPLE {SAMPLED * parts} ROWS"  # noqa: S608 - our own
        found = self.connection.execute(f"SELECT a FROM ({sample}) WHERE a IS NOT NULL ORDER BY a").fetchall()  # noqa: S608
        return list(dict.fromkeys(row[0] for row in found[SAMPLED::SAMPLED]))

    def chunks(self, part: Part, *, numbered: bool) -> Iterator[Chunk]:
        """The rows of a part, in no order: `_u` tells units apart; `_g` is the group, and `_x0`, … are numbers.

        Numbered: `_u` counts the units of this part from 0, and `_h` is a hash of the unit. If keys are `wide`, `_g`
        counts the groups of this part in their keys' order, `_gh` is a hash of them, and `_k0`, … are their places.
        """
        self.connection.execute(self.query(part, numbered=numbered), list(part.bounds) * (2 if numbered else 1))
        while True:
            frame = self.connection.fetch_df_chunk(VECTORS)
            if not len(frame):
                return
            yield {str(name): frame[name].to_numpy() for name in frame.columns}

    def query(self, part: Part, *, numbered: bool) -> str:
        whole_table, joins = self.decoded(part.condition)
        keys = [f"_k{number}" for number in range(len(self.places))] if self.wide else ["_g"]
        wanted = [f"{sql} AS {name}" for sql, name in zip(self._codes(), keys, strict=True)]
        wanted += [self._number(of, number) for of, number in self.numbers.items()]
        kept = [] if self.design.where is None else [self.design.where]
        kept += [place.condition for place in self.places]
        joins += "".join(place.join for place in self.places)
        source = f"FROM _decoded{joins}" + (f" WHERE {' AND '.join(kept)}" if kept else "")
        if not numbered:
            return f"WITH {whole_table} SELECT _unit::BIGINT AS _u, {', '.join(wanted)} {source}"
        rows = f"_rows AS NOT MATERIALIZED (SELECT _unit, {', '.join(wanted)} {source})"
        return f"WITH {whole_table}, {rows}, {self._numbering(keys, part)}"

    def decoded(self, condition: str = "true") -> tuple[str, str]:
        """Common tables `_decoded` (`_unit` and the columns of expressions) and what to join to it (features)."""
        compiler, dataset = self.design.compiler, self.design.dataset
        unit = quoted(dataset.unit)
        columns = [f"{unit} AS _unit"]
        for name, alias in compiler.columns.items():
            column = dataset.column(name)
            if column is not None:
                columns.append(f"{decoded(column, self.physical[name])} AS {alias}")
        kept = f"{unit} IS NOT NULL AND {condition}"
        tables = f"_decoded AS NOT MATERIALIZED (SELECT {', '.join(columns)} FROM {self._table} WHERE {kept})"  # noqa: S608
        if not compiler.features:
            return tables, ""
        made = ", ".join(f"{sql} AS {alias}" for sql, alias in compiler.features.items())
        features = f"_features AS (SELECT _unit, {made} FROM _decoded GROUP BY _unit)"  # noqa: S608 - our own names
        return f"{tables}, {features}", " JOIN _features USING (_unit)"

    def _codes(self) -> list[str]:
        if self.wide:
            return [f"({place.sql})::BIGINT" for place in self.places]
        terms, stride = [], 1
        for place in reversed(self.places):
            terms.append(f"({place.sql})::INTEGER * {stride}")
            stride *= place.size
        return [f"({' + '.join(terms) or '0'})::INTEGER"]

    def _number(self, of: Expression, number: Number) -> str:
        compiled = self.design.compiler.compile(of)
        return f"coalesce({compiled.sql}, ({number.lower - 1})::BIGINT)::{number.type} AS {number.alias}"

    def _numbering(self, keys: Sequence[str], part: Part) -> str:
        unit = quoted(self.design.dataset.unit)
        hashed = "_unit::BIGINT" if self.unit_type in SIGNED else "hash(_unit)"
        kept = f"{unit} IS NOT NULL AND {part.condition}"
        # Both conditions always hold. They let DuckDB expect few units, so that it keeps these in memory, not the rows.
        units = f"SELECT {unit} AS _unit FROM {self._table} WHERE {kept} GROUP BY ALL HAVING count(*) > 0"  # noqa: S608
        counted = f"SELECT _unit, row_number() OVER () - 1 AS _u, {hashed} AS _h FROM ({units})"  # noqa: S608 - ours
        tables = f"_units AS (SELECT * FROM ({counted}) WHERE _u >= 0)"  # noqa: S608 - ours
        if not self.wide:
            return f"{tables} SELECT * EXCLUDE (_unit) FROM _rows JOIN _units USING (_unit)"  # noqa: S608 - ours
        named = ", ".join(keys)
        return (
            f"{tables}, _groups AS (SELECT {named}, row_number() OVER (ORDER BY {named}) - 1 AS _g, "  # noqa: S608
            f"hash(concat_ws('/', {named})) AS _gh FROM (SELECT DISTINCT {named} FROM _rows)) "
            f"SELECT * EXCLUDE (_unit) FROM _rows JOIN _units USING (_unit) JOIN _groups USING ({named})"
        )


def source_of(connection: duckdb.DuckDBPyConnection, design: Design) -> Source:
    """The table, if it is what its catalogue says; reads no row.

    Raises:
        UnknownColumn: it lacks a column of the catalogue.
        MalformedPrivatePlan: a column is of a type that cannot hold what the catalogue says.
    """
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
    source = Source(connection, design, found)
    source.decoded()
    return source


def _ranges(axis: str, cuts: Sequence[Any]) -> Iterator[Part]:
    """Ranges of what is compared as DuckDB compares it; the first and the last are open."""
    if not cuts:
        yield Part()
        return
    yield Part(f"{axis} < ?", (cuts[0],))
    for low, high in itertools.pairwise(cuts):
        yield Part(f"{axis} >= ? AND {axis} < ?", (low, high))
    yield Part(f"{axis} >= ?", (cuts[-1],))


def values_of(domain: Domain) -> tuple[str, ...]:
    """A key's values as text; none for unknown numbers."""
    match domain.type:
        case TextType(labels=labels):
            return domain.values or labels
        case TruthType():
            return domain.values or ("false", "true")
        case _:
            return domain.values


def _place_of(domain: Domain, sql: str, alias: str) -> Place:
    kind, values = domain.type, values_of(domain)
    if isinstance(kind, NumberType) and len(values) in {0, kind.upper - kind.lower + 1}:
        size = kind.upper - kind.lower + 1
        less = sql if size > MOST_CODES else f"({sql} - ({kind.lower})::BIGINT)"
        return Place(less, size, condition=f"({sql}) IS NOT NULL")
    if isinstance(kind, TruthType):
        arms = " ".join(f"WHEN {'' if value == 'true' else 'NOT '}({sql}) THEN {n}" for n, value in enumerate(values))
        return Place(f"CASE {arms} END", len(values), condition=f"(CASE {arms} END) IS NOT NULL")
    pairs = ", ".join(f"({_literal(value, kind)}, {number})" for number, value in enumerate(values))
    return Place(f"{alias}.i", len(values), f" JOIN (VALUES {pairs}) AS {alias}(v, i) ON {alias}.v = {sql}")


def label_at(domain: Domain, place: int) -> str:
    """The value of a key at a place, as it is published."""
    kind, values = domain.type, values_of(domain)
    if not values and isinstance(kind, NumberType):
        return label_of(place + (0 if kind.upper - kind.lower >= MOST_CODES else kind.lower), kind)
    return values[place]


def _literal(value: str, kind: NumberType | TextType | TruthType) -> str:
    if isinstance(kind, NumberType):
        return f"({whole(Decimal(value), kind.places)})::BIGINT"
    return "'" + value.replace("'", "''") + "'"
