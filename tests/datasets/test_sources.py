"""The owner's file is found and read, or refused with columns and counts, and never with a value."""

import traceback
import zipfile
from pathlib import Path

import duckdb
import pytest

from datasets import sources
from datasets.catalogue import Catalogue, SourceFile, load_catalogue
from datasets.errors import SourceError
from datasets.sources import OwnersFile, SourceCounts
from tests.datasets.factories import (
    RAND_HIE,
    SMALL,
    STAYS,
    bench,
    edited,
    rand_hie_file,
    site_packages,
    small_catalogue,
    write_small,
)

SENTINEL = "sentinel-4711"


def read(catalogue: Catalogue, folder: Path) -> SourceCounts:
    folder.mkdir(exist_ok=True)
    owners_file = sources.locate(catalogue.source, beside=folder, search=(), scratch=folder)
    with bench(folder) as connection:
        return sources.read(connection, owners_file, catalogue)


def refusal(catalogue: Catalogue, folder: Path) -> str:
    """The sentence; nothing of the file may stand in it, nor in what it was raised from."""
    with pytest.raises(SourceError) as refused:
        read(catalogue, folder)
    error = refused.value
    assert error.status == 422
    assert SENTINEL not in "".join(traceback.format_exception(error))
    return error.sentence


# What is changed in the owner's file, and what the sentence says of it.
WRONG_FILES = [
    ("10.005", SENTINEL, "1 row of the column “cost” (“cost” in stays.csv) does not hold a number."),
    ("10.005", "-1", "1 row of the column “cost” (“cost” in stays.csv) lies outside 0 to 1000."),
    ("10.005", "nan", "does not hold a number"),
    ("10.005", "", "1 row of the column “cost” (“cost” in stays.csv) is empty."),
    (",12,true", ",1.5,true", "the column “nights” (“nights” in stays.csv) does not hold a whole number."),
    (
        ",12,true",
        f",12,{SENTINEL}",
        "the column “emergency” (“emergency” in stays.csv) does not hold 0, 1, true",
    ),
    (
        "Ann Example,N",
        f"Ann Example,{SENTINEL}",
        "“ward” in stays.csv) does not hold a code of one of its categor",
    ),
    (
        "P-1002",
        "",
        "1 row of the column “patient” (“Patient No” in stays.csv) is empty. Complete the file, or write",
    ),
    (
        "P-1002,",
        f"{SENTINEL},1,",
        "stays.csv cannot be read as CSV in UTF-8 with the same columns in every line.",
    ),
    (
        "nights,",
        "night,",
        "stays.csv has no column “nights”. It has: Patient No, name, ward, cost, night, emergency.",
    ),
    ("nights,", "Ward,", "stays.csv has the column “Ward” twice."),
    ("nights,", ",", "stays.csv has a column without a name."),
    (STAYS, "", "stays.csv is empty."),
    (STAYS, STAYS.split("\n")[0] + "\n", "stays.csv has no rows."),
]


@pytest.mark.parametrize(("old", "new", "what"), WRONG_FILES)
def test_a_file_that_does_not_fit_is_refused(old: str, new: str, what: str, tmp_path: Path) -> None:
    write_small(tmp_path, stays=edited(STAYS, (old, new)))
    assert what in refusal(small_catalogue(), tmp_path)


def test_every_column_that_does_not_fit_is_named_with_its_count(tmp_path: Path) -> None:
    write_small(tmp_path, stays=edited(STAYS, ("10.005", "x"), ("P-1002,Ben Example,S,0", "P-1002,Ben,Q,y")))
    first, second = refusal(small_catalogue(), tmp_path).split("\n")
    assert first.startswith("1 row of the column “ward”")
    assert second.startswith("2 rows of the column “cost” (“cost” in stays.csv) do not hold a number.")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    write_small(tmp_path)
    (tmp_path / "stays.csv").write_bytes(STAYS.replace("SE,", "S\xe4,").encode("latin-1"))
    assert "cannot be read as CSV in UTF-8" in refusal(small_catalogue(), tmp_path)
    (tmp_path / "stays.csv").write_bytes(b"\xff\xfe\x00")
    assert "has no readable header line" in refusal(small_catalogue(), tmp_path)


def test_a_file_that_is_nowhere_is_refused(tmp_path: Path) -> None:
    assert f"There is no file stays.csv in {tmp_path}." in refusal(small_catalogue(), tmp_path)
    real = load_catalogue(RAND_HIE).source
    with pytest.raises(SourceError, match="was not found in the package statsmodels"):
        sources.locate(real, beside=tmp_path, search=(tmp_path,), scratch=tmp_path)
    with pytest.raises(SourceError, match="no place was given"):
        sources.locate(real, beside=tmp_path, search=(), scratch=tmp_path)


def test_another_file_than_the_described_one_is_refused(tmp_path: Path) -> None:
    write_small(tmp_path)
    described = ('file = "stays.csv"', f'file = "stays.csv"\nsha256 = "{"0" * 64}"')
    assert "its SHA-256 differs" in refusal(small_catalogue(described), tmp_path)


def test_the_catalogue_may_allow_what_does_not_fit(tmp_path: Path) -> None:
    write_small(tmp_path, stays=edited(STAYS, ("10.005", "1000.01"), (",12,true", ",x,"), ("P-1002", " ")))
    allowed = edited(
        SMALL,
        ("upper = 1000\n", 'upper = 1000\nmisfit = "clamp"\n'),
        ("upper = 365\n", 'upper = 365\nmisfit = "null"\nmissing = "allow"\n'),
        ('description = "Whether', 'missing = "allow"\ndescription = "Whether'),
        ('plural = "patients"', 'plural = "patients"\nmissing = "drop"'),
    )
    counts = read(small_catalogue((SMALL, allowed)), tmp_path)
    assert (counts.rows, counts.without_unit) == (4, 1)
    found = {name: (each.missing, each.unreadable, each.outside) for name, each in counts.columns.items()}
    assert (found["cost"], found["nights"], found["emergency"]) == ((0, 0, 1), (0, 1, 0), (1, 0, 0))


def test_a_value_that_is_no_number_has_no_bound_to_be_moved_to(tmp_path: Path) -> None:
    write_small(tmp_path, stays=edited(STAYS, ("10.005", SENTINEL)))
    clamped = small_catalogue(("upper = 1000\n", 'upper = 1000\nmisfit = "clamp"\n'))
    assert "1 row of the column “cost” (“cost” in stays.csv) does not hold a number." in refusal(clamped, tmp_path)


def test_a_file_in_which_no_row_has_a_unit_is_refused(tmp_path: Path) -> None:
    header = STAYS.split("\n")[0]
    write_small(tmp_path, stays=f"{header}\n,Ann,N,1,1,0\n")
    dropping = ('plural = "patients"', 'plural = "patients"\nmissing = "drop"')
    assert "No row of stays.csv names a patient." in refusal(small_catalogue(dropping), tmp_path)


def test_direct_identifiers_are_not_read(tmp_path: Path) -> None:
    write_small(tmp_path)
    owners_file = sources.locate(small_catalogue().source, beside=tmp_path, search=(), scratch=tmp_path)
    with bench(tmp_path) as connection:
        sources.read(connection, owners_file, small_catalogue())
        columns = [row[0] for row in connection.execute(f"DESCRIBE {sources.VALUES}").fetchall()]
    assert not [column for column in columns if "name" in column]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_csv_as_other_programs_write_it_is_read(line_end: str, tmp_path: Path) -> None:
    write_small(tmp_path)
    (tmp_path / "stays.csv").write_bytes(b"\xef\xbb\xbf" + STAYS.replace("\n", line_end).encode())
    assert read(small_catalogue(), tmp_path).rows == 4


def test_parquet_gives_what_csv_gives(tmp_path: Path) -> None:
    write_small(tmp_path)
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (FROM read_csv('{tmp_path}/stays.csv', all_varchar = true)) TO '{tmp_path}/stays.parquet'"
        )
    parquet = small_catalogue(("stays.csv", "stays.parquet"))
    assert read(parquet, tmp_path) == read(small_catalogue(), tmp_path)
    (tmp_path / "stays.parquet").write_bytes(b"PAR1 is not enough")
    assert "cannot be read as Parquet" in refusal(parquet, tmp_path)


def test_typed_parquet_is_read_too(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            f"""COPY (SELECT 'P-1' AS "Patient No", 'Ann' AS name, 'N' AS ward, 10.5::DOUBLE AS cost,
            3.0::DOUBLE AS nights, true AS emergency) TO '{tmp_path}/stays.parquet'"""
        )
    counts = read(small_catalogue(("stays.csv", "stays.parquet")), tmp_path)
    assert all((each.missing, each.unreadable, each.outside) == (0, 0, 0) for each in counts.columns.values())


def test_a_file_inside_a_package_is_found_installed_and_in_a_wheel(tmp_path: Path) -> None:
    source = load_catalogue(RAND_HIE).source
    member = f"{source.package}/{source.resource}"
    with zipfile.ZipFile(tmp_path / "statsmodels-0.0-py3-none-any.whl", "w") as wheel:
        wheel.write(rand_hie_file(), member)
    (tmp_path / "empty").mkdir()
    for place in (*site_packages(), *tmp_path.glob("*.whl")):
        search = (tmp_path / "empty", place)
        found = sources.locate(source, beside=tmp_path, search=search, scratch=tmp_path)
        assert found.digest == source.sha256
        assert found.origin.startswith("statsmodels") and str(tmp_path) not in found.origin
    assert (tmp_path / "randhie.csv").is_file()


def test_a_broken_wheel_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "statsmodels.whl").write_text("no zip file")
    source = SourceFile(package="statsmodels", resource="x.csv", citation="c", licence="l")
    with pytest.raises(SourceError, match="was not found"):
        sources.locate(source, beside=tmp_path, search=(tmp_path / "statsmodels.whl",), scratch=tmp_path)


def test_where_a_file_came_from_names_no_path_of_this_machine(tmp_path: Path) -> None:
    write_small(tmp_path)
    found = sources.locate(small_catalogue().source, beside=tmp_path, search=(), scratch=tmp_path)
    assert found == OwnersFile(tmp_path / "stays.csv", found.digest, "stays.csv")
