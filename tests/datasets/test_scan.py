"""The scan finds what must not be in a version; every rule is shown a table that breaks it."""

from pathlib import Path

import pytest

from datasets.pseudonyms import pseudonym
from datasets.scan import Classes, Finding, ScanReport, scan
from tests.datasets.factories import bench, small_catalogue

GOOD = {
    "patient": "VARCHAR",
    "ward": "VARCHAR",
    "cost": "DECIMAL(18, 2)",
    "nights": "BIGINT",
    "emergency": "BOOLEAN",
}


def row(patient: str, ward: str = "North") -> str:
    return f"('{pseudonym(patient, b'key')}', '{ward}', 1.5, 2, true)"


def report(folder: Path, rows: list[str], columns: dict[str, str] = GOOD) -> ScanReport:
    with bench(folder) as connection:
        described = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        connection.execute(f"CREATE TABLE made ({described})")
        connection.execute(f"INSERT INTO made VALUES {', '.join(rows)}")
        return scan(connection, small_catalogue(), "made")


def test_a_good_table_passes_with_its_numbers(tmp_path: Path) -> None:
    found = report(tmp_path, [row("a"), row("a"), row("b"), row("b", "South")])
    assert found.passes and found.findings == ()
    assert (found.rows, found.units, found.columns) == (4, 2, tuple(GOOD))
    assert found.as_json()["passes"] is True


def test_classes_are_counted_in_units_not_in_rows(tmp_path: Path) -> None:
    rows = [row("one")] * 30 + [row(f"p{number}", "South") for number in range(10)]
    assert report(tmp_path, rows).classes == (Classes(("ward",), classes=2, small=1, smallest=1),)


LABELS = [
    ("jane@example.org", "e-mail address"),
    ("call 020 7946 0018", "telephone number"),
    ("+44 20 7946 0018", "telephone number"),
    ("QQ123456C".replace("Q", "A"), "National Insurance number"),
    ("ab 12 34 56 d", "National Insurance number"),
    ("078-05-1120", "Social Security number"),
]


@pytest.mark.parametrize(("label", "what"), LABELS)
def test_what_looks_like_an_identifier_blocks(label: str, what: str, tmp_path: Path) -> None:
    found = report(tmp_path, [row("a", label), row("b")])
    assert Finding(what, "ward", 1, blocks=True) in found.findings
    assert not found.passes and label not in str(found.as_json())


@pytest.mark.parametrize("label", ["North", "95% or 100% coinsurance", "Plan 19", "2019-20", "1,000 to 1,999"])
def test_plain_labels_do_not_look_like_identifiers(label: str, tmp_path: Path) -> None:
    found = report(tmp_path, [row("a", label)])
    assert {finding.what for finding in found.findings} <= {"a label that the catalogue does not have"}


def test_a_label_that_nobody_declared_blocks(tmp_path: Path) -> None:
    found = report(tmp_path, [row("a", "East")])
    assert found.findings == (Finding("a label that the catalogue does not have", "ward", 1, blocks=True),)


@pytest.mark.parametrize("unit", ["'P-1001'", "NULL", "'ABCDEF00112233445566778899AABBCC'"])
def test_a_unit_without_a_pseudonym_blocks(unit: str, tmp_path: Path) -> None:
    found = report(tmp_path, [f"({unit}, 'North', 1.5, 2, true)", row("b")])
    assert found.findings == (Finding("no pseudonym", "patient", 1, blocks=True),)


@pytest.mark.parametrize(
    ("columns", "finding"),
    [
        (GOOD | {"full_name": "VARCHAR"}, Finding("a direct identifier", "full_name", 0, blocks=True)),
        (GOOD | {"Patient No": "VARCHAR"}, Finding("an unknown column", "Patient No", 0, blocks=True)),
        (GOOD | {"cost": "DOUBLE"}, Finding("a column of another type", "cost", 0, blocks=True)),
        ({"patient": "VARCHAR"}, Finding("a missing column", "ward", 0, blocks=True)),
    ],
)
def test_other_columns_than_the_catalogues_block(columns: dict[str, str], finding: Finding, tmp_path: Path) -> None:
    values = ["NULL"] * len(columns)
    found = report(tmp_path, [f"({', '.join(values)})"], columns)
    assert finding in found.findings and not found.passes
