"""Datasets about the same people: the catalogue says so, and does not change its mind."""

from pathlib import Path

import pytest

from datasets.catalogue import parse_catalogue
from datasets.errors import CatalogueError
from datasets.populations import population_of, populations
from datasets.versions import versions_of
from tests.datasets.factories import SMALL, register, take_in, write_small

NAME = 'name = "stays"\n'


def entry(folder: Path, name: str = "stays", population: str | None = None, *changes: tuple[str, str]) -> Path:
    """The small catalogue under another name, of a population, with further changes."""
    line = f'population = "{population}"\n' if population is not None else ""
    return write_small(folder, (NAME, f'name = "{name}"\n{line}'), *changes)


def test_a_population_is_the_dataset_unless_the_catalogue_names_one() -> None:
    assert parse_catalogue(SMALL, "stays.toml").people == "stays"
    assert (
        parse_catalogue(SMALL.replace(NAME, NAME + 'population = "patients"\n', 1), "stays.toml").people == "patients"
    )


def test_a_catalogue_without_a_population_keeps_its_digest() -> None:
    """Versions and copies of before there were populations are bound to it."""
    assert "population" not in parse_catalogue(SMALL, "stays.toml").to_json()
    assert "person_rho" not in parse_catalogue(SMALL, "stays.toml").to_json()


@pytest.mark.parametrize("name", ['"Patients"', '"a b"', '""', "7", '"../x"', '"a/b"'])
def test_a_population_has_a_name_that_a_budget_can_have(name: str) -> None:
    with pytest.raises(CatalogueError, match="population"):
        parse_catalogue(SMALL.replace(NAME, f"{NAME}population = {name}\n", 1), "stays.toml")


def test_datasets_of_one_population_are_found_together(tmp_path: Path) -> None:
    with register(tmp_path) as session:
        for name, population in (("stays", "patients"), ("letters", "patients"), ("visits", None)):
            take_in(session, entry(tmp_path, name, population), tmp_path)
        assert populations(session) == {"patients": ("letters", "stays"), "visits": ("visits",)}
        assert populations(session, ["stays"]) == {"patients": ("letters", "stays")}
        assert populations(session, ["unknown"]) == {"unknown": ("unknown",)}
        assert population_of(session, "letters") == "patients"


@pytest.mark.parametrize(("before", "after"), [(None, "patients"), ("patients", None), ("patients", "people")])
def test_the_population_of_a_dataset_never_changes(tmp_path: Path, before: str | None, after: str | None) -> None:
    """What was spent of it would be forgotten."""
    with register(tmp_path) as session:
        take_in(session, entry(tmp_path, population=before), tmp_path)
        with pytest.raises(CatalogueError, match=f'so it stays: write population = "{before or "stays"}"'):
            take_in(session, entry(tmp_path, population=after), tmp_path)
        assert len(versions_of(session, "stays")) == 1


def test_nobody_spends_of_another_owners_population(tmp_path: Path) -> None:
    with register(tmp_path) as session:
        take_in(session, entry(tmp_path), tmp_path)
        another = ("RAND Corporation", "Somebody Else")
        with pytest.raises(CatalogueError, match="only its owner's budget"):
            take_in(session, entry(tmp_path, "other", "stays", another), tmp_path)
        households = ('singular = "patient"', 'singular = "household"')
        with pytest.raises(CatalogueError, match="One budget protects one unit"):
            take_in(session, entry(tmp_path, "other", "stays", households), tmp_path)
