"""The RO-Crate is one that others can read: the requirements of the specification, and all that a release owes."""

import json
from pathlib import Path
from typing import Any

import pytest

from safe_outputs.store import digest_of
from tests.safe_outputs.factories import PROFILE, RELEASE_KEY
from tests.safe_outputs.package.packages import FACTS, some_files

LINK = {"@id"}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    return some_files(tmp_path)


@pytest.fixture
def graph(files: dict[str, bytes]) -> dict[str, dict[str, Any]]:
    crate = json.loads(files["ro-crate-metadata.json"])
    assert crate["@context"] == "https://w3id.org/ro/crate/1.2/context"
    found = {each["@id"]: each for each in crate["@graph"]}
    assert len(found) == len(crate["@graph"])
    return found


def linked(entity: dict[str, Any]) -> set[str]:
    """The entities to which this one points."""
    values = [each for value in entity.values() for each in (value if isinstance(value, list) else [value])]
    return {each["@id"] for each in values if isinstance(each, dict)}


def test_the_descriptor_and_the_root_are_as_the_specification_asks(graph: dict[str, dict[str, Any]]) -> None:
    """RO-Crate 1.2, Root Data Entity: what is required of both."""
    descriptor, root = graph["ro-crate-metadata.json"], graph["./"]
    assert descriptor["@type"] == "CreativeWork"
    assert descriptor["about"] == {"@id": "./"}
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.2"}
    assert root["@type"] == "Dataset"
    assert root["name"] == FACTS["title"]
    assert root["description"] == FACTS["purpose"]
    assert root["datePublished"] == FACTS["released_at"]
    assert "licence" in graph[root["license"]["@id"]]["description"]


def test_the_graph_is_flat_and_whole(graph: dict[str, dict[str, Any]]) -> None:
    """No entity within another, and no link that leads nowhere but to the specification."""
    for entity in graph.values():
        assert entity["@type"]
        for value in entity.values():
            for each in value if isinstance(value, list) else [value]:
                assert not isinstance(each, dict) or set(each) == LINK
        assert linked(entity) - set(graph) <= {"https://w3id.org/ro/crate/1.2"}


def test_every_entity_is_reached_from_the_root(graph: dict[str, dict[str, Any]]) -> None:
    reached, waiting = {"ro-crate-metadata.json"}, ["./"]
    while waiting:
        each = waiting.pop()
        if each not in reached:
            reached.add(each)
            waiting.extend(linked(graph[each]) & set(graph))
    assert reached == set(graph)


def test_every_file_is_described_with_its_size_and_hash(
    files: dict[str, bytes], graph: dict[str, dict[str, Any]]
) -> None:
    named = {each["@id"] for each in graph["./"]["hasPart"]}
    assert named == set(files) - {"ro-crate-metadata.json"}
    for name in named - {"manifest.json", "manifest.sig"}:
        assert graph[name]["@type"] == "File"
        assert graph[name]["sha256"] == digest_of(files[name])
        assert graph[name]["contentSize"] == str(len(files[name]))


def test_people_have_their_role_and_organisation(graph: dict[str, dict[str, Any]]) -> None:
    people = {each["identifier"]: each for each in graph.values() if each["@type"] == "Person"}
    assert {name: each["jobTitle"] for name, each in people.items()} == {
        "rosa": "researcher",
        "olga": "data owner",
        "cleo": "output checker",
        "carl": "output checker",
    }
    assert graph[people["olga"]["affiliation"]["@id"]]["name"] == "RAND Corporation"


def test_rules_parameters_sources_versions_charges_plan_and_code_are_there(graph: dict[str, dict[str, Any]]) -> None:
    parameters = {each["@id"]: each for each in graph.values() if each["@type"] == "PropertyValue"}
    assert parameters["#statistic-s-0-code"]["value"] == "c" * 64
    assert len(parameters["#statistic-s-0-plan"]["value"]) == 64
    assert parameters["#statistic-s-0-rule-1"]["value"] == "threshold"
    assert "10 persons in every cell" in parameters["#statistic-s-0-rule-1"]["description"]
    assert parameters["#statistic-s-0-withheld"]["value"] == 1
    assert parameters["#statistic-s-1-charge-rho"]["value"] == 0.02
    assert "OpenDP" in parameters["#statistic-s-1-mechanism"]["value"]
    assert graph["#dataset-rand_hie-3"]["version"] == "3"
    assert graph["#profile-ons-srs-1"]["sha256"] == PROFILE.digest
    assert graph["#software-opendp-0.16.0"]["softwareVersion"] == "0.16.0"
    done = graph["#statistic-s-1"]
    assert done["result"] == {"@id": "2-private-count.csv"}
    assert done["endTime"].startswith("2026-11-20")


def test_who_agreed_approved_and_released_when(graph: dict[str, dict[str, Any]]) -> None:
    assert graph["#agreement-rand_hie"]["agent"] == {"@id": "#person-olga"}
    assert [graph[f"#approval-{n}"]["agent"]["@id"] for n in (1, 2)] == ["#person-cleo", "#person-carl"]
    assert graph["#release"]["endTime"] == FACTS["released_at"]


def test_a_release_for_a_team_says_that_it_is_not_for_publication(tmp_path: Path) -> None:
    files = some_files(tmp_path, audience="pre_publication")
    graph = json.loads(files["ro-crate-metadata.json"])["@graph"]
    (licence,) = (each for each in graph if each["@id"] == "#licence")
    assert "Not for publication" in licence["description"]


def test_no_cell_is_anywhere_but_in_the_tables(files: dict[str, bytes]) -> None:
    """The approved bytes and nothing else: the values of the tables, as they are in the example, are told once."""
    for name, content in files.items():
        values = [b"180.25", b"193.75", b"931", b"962"]
        found = [each for each in values if each in content]
        assert found == ([] if not name.endswith(".csv") else found), name
    assert b"180.25" in files["1-crosstab.csv"]
    assert b"931" in files["2-private-count.csv"]


def test_the_key_in_the_package_is_the_one_that_signed(files: dict[str, bytes]) -> None:
    assert files["public-key.pem"] == RELEASE_KEY.public.pem
    assert RELEASE_KEY.public.signed(files["manifest.json"], files["manifest.sig"])
    assert json.loads(files["release.json"])["signed_with"] == RELEASE_KEY.public.id
