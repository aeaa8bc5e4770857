"""Expressions: the SQL means what the plain Python reference means, and no row can make it fail."""

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disclosure_control import MalformedPrivatePlan, PrivatePlan
from disclosure_control.privacy.catalogue import PublicColumn, PublicDataset
from disclosure_control.privacy.compiled import Compiler, NumberType
from disclosure_control.privacy.design import designed
from disclosure_control.privacy.expressions import (
    And,
    Arithmetic,
    Case,
    Clamp,
    Coalesce,
    Column,
    Compare,
    Cut,
    Divide,
    IsIn,
    IsMissing,
    Not,
    Number,
    Or,
    Person,
    Round,
    Text,
    Truth,
    When,
    all_of,
)
from disclosure_control.privacy.keys import Key
from disclosure_control.privacy.measures import CountRows
from disclosure_control.privacy.rows import Source
from tests.disclosure_control.privacy import reference
from tests.disclosure_control.privacy.shapes import (
    AGE,
    DATASET,
    FEMALE,
    HOSTILE_INTEGERS,
    HOSTILE_NUMBERS,
    HOSTILE_SITES,
    HOSTILE_WARDS,
    SITE,
    SITES,
    SPENDING,
    WARD,
    Row,
    plan,
    table_of,
)

chance = random.Random(11)
ROWS: list[Row] = [
    (
        chance.choice([1, 2, 3, 4]),
        chance.choice(HOSTILE_SITES),
        chance.choice(HOSTILE_WARDS),
        chance.choice([None, True, False]),
        chance.choice(HOSTILE_INTEGERS),
        chance.choice([*HOSTILE_NUMBERS, chance.uniform(-30, 60), chance.uniform(-30, 60)]),
    )
    for _ in range(60)
]
NAMES = ("person", "site", "ward", "female", "age", "spending")
RECORDS = [dict(zip(NAMES, row, strict=True)) for row in ROWS]


@pytest.fixture(scope="module")
def hostile() -> duckdb.DuckDBPyConnection:
    return table_of(ROWS)


CONSTANTS = [Number(value=each) for each in ("0", "1", "-1", "0.5", "2.25", "37", "-20")]


def a_number(chance: random.Random, depth: int, *, feature: bool = True) -> Any:
    """Some expression that is a number; `feature`: it may have features of a unit in it."""
    if depth == 0:
        return chance.choice([AGE, WARD, SPENDING, *CONSTANTS])

    def number() -> Any:
        return a_number(chance, depth - 1, feature=feature)

    def condition() -> Any:
        return a_condition(chance, depth - 1, feature=feature)

    makers: list[Callable[[], Any]] = [
        lambda: Arithmetic(operator=chance.choice("+-*"), left=number(), right=number()),
        lambda: Divide(left=number(), right=number(), places=chance.randint(0, 3)),
        lambda: Clamp(of=number(), lower=chance.choice(["-3", "0.5"]), upper=chance.choice(["0.75", "12"])),
        lambda: Round(of=number(), places=chance.randint(0, 4)),
        lambda: Coalesce(terms=(number(), number())),
        lambda: Case(
            whens=(When(condition=condition(), value=number()), When(condition=condition(), value=number())),
            otherwise=chance.choice([None, number()]),
        ),
    ]
    if feature:
        inner = a_number(chance, depth - 1, feature=False)
        where = chance.choice([None, a_condition(chance, depth - 1, feature=False)])
        makers += [
            lambda: Person(feature=chance.choice(["min", "max"]), of=inner, where=where),
            lambda: Person(feature="sum", of=inner, where=where, lower="-5", upper="60.5"),
            lambda: Person(feature="count", where=where, upper="3"),
        ]
    return chance.choice(makers)()


def a_condition(chance: random.Random, depth: int, *, feature: bool) -> Any:
    if depth == 0:
        return chance.choice(
            [
                FEMALE,
                Truth(value=True),
                IsIn(of=SITE, values=(Text(value="North"), Text(value="West"))),
                Compare(operator="!=", left=SITE, right=Text(value="East")),
            ]
        )

    def number() -> Any:
        return a_number(chance, depth - 1, feature=feature)

    def condition() -> Any:
        return a_condition(chance, depth - 1, feature=feature)

    makers: list[Callable[[], Any]] = [
        lambda: Compare(operator=chance.choice(list(reference.COMPARISONS)), left=number(), right=number()),
        lambda: IsMissing(of=number()),
        lambda: IsIn(of=number(), values=(chance.choice(CONSTANTS), chance.choice(CONSTANTS))),
        lambda: Not(of=condition()),
        lambda: And(terms=(condition(), condition())),
        lambda: Or(terms=(condition(), condition())),
    ]
    if feature:
        makers.append(lambda: Person(feature="any", where=a_condition(chance, depth - 1, feature=False)))
    return chance.choice(makers)()


@settings(max_examples=400, deadline=None)
@given(chance=st.randoms(use_true_random=False), depth=st.integers(1, 4))
def test_sql_and_reference_agree_on_hostile_rows(
    hostile: duckdb.DuckDBPyConnection, chance: random.Random, depth: int
) -> None:
    node = a_number(chance, depth)
    try:
        query, kind = _query(node)
    except MalformedPrivatePlan:
        return  # too large for 64 bits: refused before any row is read
    found = hostile.execute(f"{query} ORDER BY _place").fetchall()
    for (_, value, place), record in zip(found, RECORDS, strict=True):
        unit_rows = [each for each in RECORDS if each["person"] == record["person"]]
        expected = reference.value_of(node, record, unit_rows, DATASET)
        got = None if value is None else Decimal(value).scaleb(-kind.places)
        assert got == expected, place
        assert value is None or kind.lower <= value <= kind.upper
        assert value is not None or kind.missing


def _query(node: Any) -> tuple[str, NumberType]:
    design = designed(DATASET, None, (), [CountRows(name="n")], unknown=False, groups=1, rows=1, kind="gaussian")
    compiled = design.compiler.compile(node)
    assert isinstance(compiled.type, NumberType)
    physical = {"site": "VARCHAR", "ward": "SMALLINT", "female": "BOOLEAN", "age": "INTEGER", "spending": "DOUBLE"}
    tables, joins = Source(duckdb.connect(), design, physical | {"person": "BIGINT"}).decoded()
    tables = tables.replace('SELECT "person" AS _unit', 'SELECT rowid AS _place, "person" AS _unit')
    return f"WITH {tables} SELECT _unit, {compiled.sql} AS v, _place FROM _decoded{joins}", compiled.type


CUT = Cut(of=SPENDING, edges=("0", "10.5"))


def test_a_cut_says_in_which_interval_a_number_lies() -> None:
    assert CUT.labels == ("under 0", "0 to under 10.5", "10.5 and over")
    rows = [(1, None, None, None, 1, each) for each in (-0.01, 0.0, 10.49, 10.5, 1e308, None)]
    with table_of(rows) as connection:
        assert plan(
            by=[Key(name="k", of=CUT)], measures=[CountRows(name="n")], rows_per_unit=9, groups_per_unit=3
        ).bounded(connection) == {"rows": [1, 2, 2]}


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("DECIMAL(9,3)", ["49.995", "-20.001", "12.345", None]),
        ("FLOAT", ["1e30", "-1e30", "nan", "12.34"]),
        ("HUGEINT", ["170141183460469231731687303715884105727", "-3", "51", None]),
        ("UBIGINT", ["18446744073709551615", "0", "7", None]),
        ("TINYINT", ["-128", "127", "3", None]),
    ],
)
def test_a_column_is_read_from_any_type_of_number(kind: str, values: list[str | None]) -> None:
    column = PublicColumn(name="x", kind="decimal", lower="-20", upper="50", places=2)
    dataset = PublicDataset(name="d", version=1, table="t", unit="u", columns=(column,))
    asked = PrivatePlan.of(
        dataset,
        measures=[CountRows(name="n")],
        by=[Key(name="k", of=Cut(of=Column(name="x"), edges=("-20", "-19.99", "3.01", "49.99", "50")))],
        groups_per_unit=9,
        rows_per_unit=9,
        price=plan().price,
    )
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t (u INTEGER, x {kind})")
        connection.executemany(f"INSERT INTO t VALUES (1, ?::{kind})", [[each] for each in values])
        found = asked.bounded(connection)["rows"]
    expected = [0] * 6
    for each in values:
        value = reference.read(
            column, None if each is None else (float(each) if "." in each or "n" in each or "e" in each else int(each))
        )
        if value is not None:
            expected[sum(value >= Decimal(edge) for edge in ("-20", "-19.99", "3.01", "49.99", "50"))] += 1
    assert found == expected


REFUSED: dict[str, tuple[Any, str]] = {
    "a column that is not there": (Column(name="income"), "no column"),
    "a column without bounds": (Column(name="unbounded"), "no bounds in the catalogue"),
    "a number and a category": (Compare(operator="==", left=AGE, right=SITE), "things of one kind"),
    "an order of categories": (Compare(operator="<", left=SITE, right=Text(value="East")), "have no order"),
    "a category that is not there": (
        Compare(operator="==", left=SITE, right=Text(value="Mars")),
        "no category of “site”",
    ),
    "a category that is not in": (IsIn(of=SITE, values=(Text(value="Mars"),)), "no category of “site”"),
    "a sum of categories": (Arithmetic(operator="+", left=SITE, right=AGE), "needs a number"),
    "and of numbers": (And(terms=(AGE, FEMALE)), "needs a condition"),
    "a feature of a feature": (
        Person(feature="max", of=Arithmetic(operator="+", left=AGE, right=Person(feature="max", of=AGE))),
        "cannot be made of another feature",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_meaning_is_refused(case: str) -> None:
    node, sentence = REFUSED[case]
    with pytest.raises(MalformedPrivatePlan, match=sentence):
        Compiler(DATASET).compile(node)


def test_a_feature_is_refused_in_a_feature_also_if_it_was_compiled_before() -> None:
    compiler, inner = Compiler(DATASET), Person(feature="max", of=AGE)
    compiler.compile(inner)
    with pytest.raises(MalformedPrivatePlan, match="another feature"):
        compiler.compile(Person(feature="min", of=inner))


def test_products_that_could_overflow_are_refused() -> None:
    node: Any = SPENDING
    for _ in range(12):
        node = Arithmetic(operator="*", left=node, right=SPENDING)
    with pytest.raises(MalformedPrivatePlan, match="too large for 64 bits"):
        Compiler(DATASET).compile(node)


def test_what_grows_without_end_is_refused() -> None:
    node: Any = AGE
    for _ in range(20):
        node = Round(of=Divide(left=node, right=AGE, places=3), places=2)
    with pytest.raises(MalformedPrivatePlan, match="too long"):
        Compiler(DATASET).compile(node)


def test_conditions_are_joined_flat() -> None:
    a, b, c = (Compare(operator="==", left=AGE, right=Number(value=each)) for each in (1, 2, 3))
    assert all_of(all_of(a, b), c) == all_of(a, all_of(b, c)) == And(terms=(a, b, c))


def test_labels_with_quotes_are_values_not_sql() -> None:
    nasty = "'; DROP TABLE t; --"
    column = PublicColumn(name="x", kind="category", labels=(nasty, "fine"), key=True)
    dataset = PublicDataset(name="d", version=1, table="t", unit="u", columns=(column,))
    asked = PrivatePlan.of(
        dataset,
        by=[Key(name="k", of=Column(name="x"))],
        where=Compare(operator="==", left=Column(name="x"), right=Text(value=nasty)),
        measures=[CountRows(name="n")],
        price=plan().price,
    )
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t (u INTEGER, x VARCHAR)")
        connection.execute("INSERT INTO t VALUES (1, ?), (2, 'fine')", [nasty])
        assert asked.bounded(connection) == {"rows": [1, 0]}


def test_constants_are_written_in_one_way() -> None:
    assert Number(value="0.50") == Number(value=0.5) == Number.model_validate({"op": "number", "value": "0.5"})
    assert Number(value="1e3").model_dump(mode="json")["value"] == "1000"
    assert Truth(value=True).model_dump(mode="json") == {"op": "truth", "value": True}
    assert len(SITES) == 4
