"""Pseudonyms: one for one unit under one key, and nothing in common between keys."""

import hashlib
import hmac
import re
from collections.abc import Iterator

import duckdb
import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import sql
from datasets.errors import DatasetsError
from datasets.pseudonyms import dataset_key, key_check, make_pseudonyms, project_key, pseudonym
from tests.datasets.factories import OTHER_SECRET, SECRET, bench

identifiers = st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1), max_size=8)
slugs = st.text(alphabet="abc-", min_size=1, max_size=4)


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with bench(tmp_path_factory.mktemp("bench"), threads=1) as connection:
        yield connection


def made(values: list[str], key: bytes, connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    rows = ", ".join(f"({sql.text(value)})" for value in values) or "(NULL::VARCHAR)"
    query = f"SELECT x FROM (VALUES {rows}) AS given(x) WHERE x IS NOT NULL"
    connection.execute("DROP TABLE IF EXISTS p")
    assert make_pseudonyms(connection, identifiers=query, into="p", key=key) == len(set(values))
    return dict(connection.execute("FROM p").fetchall())


@settings(deadline=None, max_examples=40)
@given(values=identifiers)
def test_pseudonyms_are_what_hmac_says(values: list[str], connection: duckdb.DuckDBPyConnection) -> None:
    key = dataset_key(SECRET, "stays")
    expected = {each: hmac.digest(key, each.encode(), "sha256").hex()[:32] for each in values}
    assert made(values, key, connection) == expected
    assert {each: pseudonym(each, key) for each in values} == expected


@settings(deadline=None, max_examples=40)
@given(values=identifiers, one=slugs, other=slugs)
def test_consistent_in_a_project_and_disjoint_between_projects(
    values: list[str], one: str, other: str, connection: duckdb.DuckDBPyConnection
) -> None:
    here = made(values, project_key(SECRET, one, "stays"), connection)
    assert here == made(list(reversed(values)), project_key(SECRET, one, "stays"), connection)
    there = made(values, project_key(SECRET, other, "stays"), connection)
    assert set(here) == set(there)
    assert (here == there) if one == other else set(here.values()).isdisjoint(there.values())


@given(one=st.tuples(slugs, slugs), other=st.tuples(slugs, slugs))
def test_no_two_purposes_share_a_key(one: tuple[str, str], other: tuple[str, str]) -> None:
    keys = [project_key(SECRET, *one), project_key(SECRET, *other), dataset_key(SECRET, one[0])]
    assert len(set(keys)) == (3 if one != other else 2)
    assert project_key(OTHER_SECRET, *one) not in keys


def test_keys_are_derived_as_rfc_5869_says() -> None:
    info = b'["saferoom pseudonyms", 1, "dataset", "stays"]'
    extracted = hmac.digest(b"\0" * 32, SECRET, hashlib.sha256)
    assert dataset_key(SECRET, "stays") == HKDFExpand(SHA256(), 32, info).derive(extracted)


def test_a_pseudonym_says_nothing_of_the_identifier_or_the_key() -> None:
    key = dataset_key(SECRET, "stays")
    assert re.fullmatch("[0-9a-f]{32}", pseudonym("P-1001", key))
    assert key_check(key) not in key.hex() and len(key_check(key)) == 16


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(DatasetsError, match="shorter than 32 bytes"):
        dataset_key(b"short", "stays")
