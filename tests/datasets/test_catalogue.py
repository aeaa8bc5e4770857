"""A catalogue is valid or refused with file, line, key, what is wrong and what was expected."""

import re
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from datasets.catalogue import Catalogue, load_catalogue, parse_catalogue
from datasets.columns import RESERVED_WORDS
from datasets.errors import CatalogueError, ForbiddenColumn, UnknownColumn
from datasets.release_policy import Audience, Kind
from tests.datasets.factories import RAND_HIE, SMALL, edited, small_catalogue

# What is changed in the small catalogue, and what the sentence says of it.
WRONG = [
    # the text itself
    ("[source]", "[source", "line 8", "this is not TOML"),
    ("[source]", '[source]\nfile = "twice"', "line", "this is not TOML"),
    # keys
    ('title = "Stays in a hospital"\n', "", "line 1, title", "is missing; expected some text"),
    ("title =", "tilte =", "line 2, tilte", "is no key of the catalogue; expected one of name, title"),
    ("checkers = 2", "checkers = 2\nspeed = 1", "line 78, release.speed", "is no key of the catalogue"),
    ("[unit]", "[units]", "line 13, units", "is no key of the catalogue"),
    (
        "[release.budget]",
        "[release.budgets]",
        "release.budget:",
        "expected a table with dataset_rho, project_rho",
    ),
    # types
    ('title = "Stays in a hospital"', "title = 3", "line 2, title", "is 3; expected some text"),
    ('title = "Stays in a hospital"', 'title = ""', "line 2, title", "is ''; expected some text"),
    ("upper = 1000", 'upper = "1000"', "line 53, columns[3].upper", "is '1000'; expected a number"),
    ("upper = 1000", "upper = true", "line 53, columns[3].upper", "is true; expected a number"),
    ("upper = 1000", "upper = nan", "line 53, columns[3].upper", "expected a number"),
    (
        "scale = 2",
        "scale = 2.5",
        "line 54, columns[3].scale",
        "expected a number of decimal places from 0 to 9",
    ),
    ("key = true", "key = 1", "line 41, columns[2].key", "is 1; expected true or false"),
    ('role = "unit"', 'role = "units"', "line 21, columns[0].role", 'is \'units\'; expected "unit", "direct'),
    ('type = "text"', 'type = "string"', "line 22, columns[0].type", "is 'string'; expected \"integer\""),
    ("[[columns]]", "[columns]", "line", "this is not TOML"),
    # names
    ('name = "stays"', 'name = "Stays"', "line 1, name", "expected a name of at most 48 lower-case letters"),
    ('name = "ward"', 'name = "ward; drop"', "line 35, columns[2].name", "expected a name of at most 48"),
    (
        'name = "ward"',
        'name = "select"',
        "line 35, columns[2].name",
        "is a word of SQL; expected another name",
    ),
    ('name = "ward"', 'name = "cost"', "line 45, columns[3].name", "“cost” names 2 columns"),
    ('table = "stay"', 'table = "ward"', "line 6, table", "is a word of SQL or a column's name"),
    # the file
    ('file = "stays.csv"\n', "", "line 8, source", "one file is needed; expected either file, or package"),
    ('file = "stays.csv"', 'package = "pandas"', "line 8, source", "one file is needed"),
    ('file = "stays.csv"', 'file = "a.csv"\npackage = "b"', "line 8, source", "one file is needed"),
    (
        'file = "stays.csv"',
        'file = "stays.xlsx"',
        "line 9, source.file",
        "a name that ends in .csv or .parquet",
    ),
    (
        'file = "stays.csv"',
        'package = "a"\nresource = "../b.csv"',
        "source.resource",
        "leads out of the package",
    ),
    (
        'file = "stays.csv"',
        'file = "a.csv"\nsha256 = "12"',
        "line 10, source.sha256",
        "64 hexadecimal digits",
    ),
    # the unit
    ('column = "patient"', 'column = "person"', "line 14, unit.column", "there is no column “person”"),
    ('role = "unit"', 'role = "variable"', "line 22, columns[0].type", "free text cannot be de-identified"),
    (
        'role = "unit"',
        'role = "direct_identifier"',
        "line 21, columns[0].role",
        'column “patient”; expected "unit"',
    ),
    ('role = "direct_identifier"', 'role = "unit"', "line 29, columns[1].role", "and for no other"),
    (
        'source = "ward"',
        'source = "Patient No"',
        "line 36, columns[2].source",
        "expected a source that identifies",
    ),
    ('source = "ward"', 'source = "name"', "line 36, columns[2].source", "expected a source that identifies"),
    ('source = "ward"\n', "", "line 34, columns[2].source", "is missing; expected the name of a column"),
    # numbers
    ("lower = 0\n", "lower = 2000\n", "line 52, columns[3].lower", "2000 is not below 1000"),
    ("lower = 0\n", "lower = 1000\n", "line 52, columns[3].lower", "expected lower below upper"),
    ("upper = 1000", "upper = 1000.001", "line 53, columns[3].upper", "has more decimal places than scale"),
    ("upper = 1000", "upper = 1e17", "line 53, columns[3].upper", "is too large to be kept exactly"),
    ("scale = 2\n", "", "line 44, columns[3].scale", "is missing; expected the number of decimal places"),
    (
        "lower = 0\nupper = 1000\n",
        "",
        "columns[3].upper",
        "is missing; expected a number, which every number has",
    ),
    ('unit = "pounds"\n', "", "columns[3].unit", "is missing; expected a unit of measurement"),
    ('unit = "nights"', 'unit = "nights"\nscale = 1', "columns[4].scale", "an integer has no decimal places"),
    (
        'description = "The ward."',
        'description = "The ward."\nlower = 1',
        "columns[2].lower",
        "a category has none",
    ),
    # categories
    (
        'label = "South"',
        'label = "North"',
        "line 42, columns[2].categories[1].label",
        "“North” is there twice",
    ),
    ('"SE"]', '"N"]', "line 42, columns[2].categories[1].codes", "“N” is there twice"),
    ('"SE"]', "1]", "line 42, columns[2].categories[1].codes", "codes of two kinds"),
    ('codes = ["N"]', "codes = [1]", "line 42, columns[2].categories", "codes of two kinds"),
    (
        'codes = ["N"]',
        "codes = [1.5]",
        "columns[2].categories[0].codes[0]",
        "is 1.5; expected a list of whole",
    ),
    ('codes = ["N"]', "codes = []", "columns[2].categories[0]", "expected codes, or flag, or otherwise"),
    (
        'codes = ["N"]',
        "otherwise = true",
        "line 42, columns[2].categories",
        "otherwise has no single meaning",
    ),
    (
        'type = "boolean"',
        'type = "category"',
        "line 67, columns[5].categories",
        "expected at least one category",
    ),
    ('type = "category"', 'type = "boolean"', "line 42, columns[2].categories", "a boolean has none"),
    ('type = "category"', 'type = "text"', "line 38, columns[2].type", "free text cannot be de-identified"),
    (
        'unit = "pounds"',
        'unit = "pounds"\nkey = true',
        "line 52, columns[3].key",
        "a decimal cannot be a key",
    ),
    # misfits
    ("key = true", 'misfit = "null"', "columns[2].misfit", 'expected missing = "allow"'),
    ("key = true", 'misfit = "clamp"', "columns[2].misfit", "has no bounds"),
    ('type = "text"', 'type = "text"\nmissing = "allow"', "columns[0].missing", "see unit.missing"),
    # the release policy
    (
        "checkers = 2",
        "checkers = 1",
        "line 77, release.checkers",
        "is 1; expected a whole number from 2 to 9",
    ),
    ("checkers = 2", "checkers = true", "line 77, release.checkers", "expected a whole number from 2 to 9"),
    ('"ons-srs"', '"ONS SRS"', "line 76, release.rule_profile", "expected the name of a rule profile"),
    (
        "count =",
        "crosstab =",
        "line 80, release.policy.crosstab:",
        "is no key of the catalogue; expected one of count, sum, mean, variance, quantile, regression",
    ),
    (
        "count = {",
        'count = { everybody = "exact",',
        "line 80, release.policy.count.everybody:",
        "is no key of the catalogue; expected one of pre_publication, publication",
    ),
    (
        'publication = "private"',
        'publication = "noisy"',
        "line 80, release.policy.count.publication:",
        'is \'noisy\'; expected "exact", "private" or "refused"',
    ),
    (
        'publication = "refused"',
        "publication = false",
        "line 81, release.policy.mean.publication:",
        'is false; expected "exact", "private" or "refused"',
    ),
    (
        'publication = "refused"',
        'publication = ["exact"]',
        "line 81, release.policy.mean.publication:",
        'is a list; expected "exact", "private" or "refused"',
    ),
    (
        'mean = { publication = "refused" }',
        'mean = "exact"',
        "line 81, release.policy.mean:",
        "is 'exact'; expected a table with pre_publication, publication",
    ),
    (
        "[release.policy]",
        "[release.policies]",
        "line 79, release.policies:",
        "is no key of the catalogue; expected one of rule_profile, checkers, policy, budget",
    ),
    (
        "checkers = 2\n",
        'checkers = 2\npolicy = "exact"\n',
        "line",
        "this is not TOML",
    ),
    (
        "checkers = 2\n",
        'checkers = 2\nexact = { crosstab = ["publication"] }\n',
        "line 78, release.exact:",
        "is no key of the catalogue; expected one of rule_profile, checkers, policy, budget",
    ),
    (
        "dataset_rho = 1.0",
        "dataset_rho = inf",
        "line 84, release.budget.dataset_rho",
        "a finite number above 0",
    ),
    (
        "dataset_rho = 1.0",
        "dataset_rho = 0",
        "line 84, release.budget.dataset_rho",
        "a finite number above 0",
    ),
    (
        "project_rho = 0.5",
        "project_rho = 1.5",
        "line 85, release.budget.project_rho",
        "more than the dataset",
    ),
]


@pytest.mark.parametrize(("old", "new", "where", "what"), WRONG)
def test_says_what_is_wrong_and_where(old: str, new: str, where: str, what: str) -> None:
    with pytest.raises(CatalogueError) as refused:
        parse_catalogue(edited(SMALL, (old, new)), "stays.toml")
    assert refused.value.status == 422
    first, *_ = sentences = refused.value.sentence.split("\n")
    assert first.startswith("stays.toml, line ")
    assert any(where in sentence and what in sentence for sentence in sentences), refused.value.sentence
    assert all(re.fullmatch(r"stays\.toml, line \d+(, .+?)?: .+; expected .+\.", each) for each in sentences)


def test_tells_of_every_problem_in_the_order_of_the_file() -> None:
    text = edited(SMALL, ("checkers = 2", "checkers = 0"), ("scale = 2", "scale = -1"), ("title", "titel"))
    with pytest.raises(CatalogueError) as refused:
        parse_catalogue(text, "stays.toml")
    lines = [int(line) for line in re.findall(r"line (\d+)", refused.value.sentence)]
    assert lines == sorted(lines) == [1, 2, 54, 77]


def test_a_catalogue_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"none\.toml: the catalogue cannot be read"):
        load_catalogue(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'name = "caf\xe9"')
    with pytest.raises(CatalogueError, match="in UTF-8"):
        load_catalogue(tmp_path / "latin.toml")


def test_the_example_is_complete() -> None:
    catalogue = load_catalogue(RAND_HIE)
    assert (catalogue.name, catalogue.table, catalogue.unit_column.source) == ("rand_hie", "visits", "zper")
    assert len(catalogue.variables) == 17
    assert all(column.description and column.label for column in catalogue.columns)
    rules = {kind: {catalogue.release.policy.rule(kind, audience) for audience in Audience} for kind in Kind}
    exact, private = {"exact"}, {"private"}
    assert list(rules.values()) == [exact, exact, exact, private, private, private]
    assert catalogue.column("medical_spending").upper == Decimal(50000)


def test_a_catalogue_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        small_catalogue().name = "other"  # type: ignore[misc]


@pytest.mark.parametrize("catalogue", [small_catalogue(), load_catalogue(RAND_HIE)], ids=["small", "real"])
def test_canonical_json_keeps_everything(catalogue: Catalogue) -> None:
    again = Catalogue.from_json(catalogue.to_json())
    assert again == catalogue
    assert (again.to_json(), again.digest) == (catalogue.to_json(), catalogue.digest)
    assert small_catalogue(("upper = 1000", "upper = 1000.0")).digest == small_catalogue().digest
    assert small_catalogue(("upper = 1000", "upper = 1001")).digest != small_catalogue().digest


def test_other_json_is_refused() -> None:
    with pytest.raises(CatalogueError, match="stored as JSON"):
        Catalogue.from_json('{"name": "stays"}')


def test_approved_keeps_the_unit_and_the_named_columns_in_order() -> None:
    approved = small_catalogue().approved(["cost", "ward"])
    assert [column.name for column in approved.columns] == ["patient", "ward", "cost"]
    assert Catalogue.from_json(approved.to_json()) == approved


def test_direct_identifiers_are_never_approved() -> None:
    with pytest.raises(ForbiddenColumn, match="“full_name” identifies a patient directly") as refused:
        small_catalogue().approved(["full_name", "ward"])
    assert refused.value.status == 403
    assert "full_name" not in {column.name for column in small_catalogue().kept}


@pytest.mark.parametrize(("names", "what"), [(["none"], "“none” is no column"), ([], "No variable")])
def test_approving_what_is_not_there_is_refused(names: list[str], what: str) -> None:
    with pytest.raises(UnknownColumn, match=what):
        small_catalogue().approved(names)


def test_words_that_duckdb_reserves_are_known() -> None:
    query = "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'"
    with duckdb.connect() as connection:
        assert {row[0] for row in connection.execute(query).fetchall()} <= RESERVED_WORDS


@given(st.integers(0, len(SMALL)), st.integers(0, 60), st.text(alphabet="[]{}\"=\n#.1a'", max_size=4))
def test_no_text_ends_in_anything_but_a_catalogue_or_its_error(start: int, length: int, put: str) -> None:
    with suppress(CatalogueError):
        parse_catalogue(SMALL[:start] + put + SMALL[start + length :], "stays.toml")
