"""A release policy: what the owner allows of each kind for each audience; what it does not name is refused (I3)."""

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from datasets.catalogue import Catalogue, parse_catalogue
from datasets.errors import CatalogueError
from datasets.release_policy import Audience, Kind, Policy, Rule
from governance import audit
from tests.datasets.factories import (
    RAND_HIE,
    SMALL,
    agreed,
    available,
    edited,
    provision,
    register,
    small_catalogue,
)

EVERY = list(product(Kind, Audience))


@pytest.mark.parametrize(("kind", "audience", "rule"), [(*each, rule) for each in EVERY for rule in Rule])
def test_one_rule_in_the_file_is_that_rule_and_no_other(kind: Kind, audience: Audience, rule: Rule) -> None:
    lines = f'[release.policy]\n{kind} = {{ {audience} = "{rule}" }}\n\n[release.budget]'
    policy = parse_catalogue(_without_policy(lines), "stays.toml").release.policy
    others = {policy.rule(*each) for each in EVERY if each != (kind, audience)}
    assert policy.rule(kind, audience) is rule
    assert others == {Rule.REFUSED}


@pytest.mark.parametrize("lines", ["[release.budget]", "[release.policy]\n[release.budget]"])
def test_a_missing_policy_refuses_everything(lines: str) -> None:
    policy = parse_catalogue(_without_policy(lines), "stays.toml").release.policy
    assert {policy.rule(*each) for each in EVERY} == {Rule.REFUSED}


@pytest.mark.parametrize(("kind", "audience"), [("table", "publication"), ("count", "friends"), ("rule", "count")])
def test_what_is_no_kind_and_no_audience_is_refused(kind: str, audience: str) -> None:
    everything = Policy.model_validate_json(
        json.dumps({kind: dict.fromkeys(Audience, "exact") for kind in Kind}),
    )
    assert everything.rule("count", "publication") is Rule.EXACT
    assert everything.rule(kind, audience) is Rule.REFUSED


CHANGES = [
    ('publication = "private"', 'publication = "exact"'),
    ("mean =", "sum ="),
    ('mean = { publication = "refused" }', 'mean = { pre_publication = "private" }'),
    ("checkers = 2", "checkers = 3"),
    ('"ons-srs"', '"another"'),
    ("project_rho = 0.5", "project_rho = 0.4"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_other_terms_have_another_digest_and_so_has_the_catalogue(change: tuple[str, str]) -> None:
    before, after = small_catalogue(), small_catalogue(change)
    same = change[0] == "mean ="  # refused, written down or not
    assert (before.release.digest == after.release.digest) is same
    assert (before.digest == after.digest) is same


def test_the_terms_travel_with_the_version_and_the_project_copy(tmp_path: Path) -> None:
    with register(tmp_path) as session:
        version = available(session, RAND_HIE, tmp_path)
        agreed(session, "visits", version, ["site"])
        copy = provision(session, "visits", "rand_hie", tmp_path)
        (approved,) = (e for e in audit.events_about(session, version.subject) if e.action == "version.approved")
        assert approved.detail["release_terms"] == version.catalogue.release.digest
        assert copy.catalogue().release == version.catalogue.release
        assert copy.catalogue().release.policy.rule(Kind.VARIANCE, Audience.PUBLICATION) is Rule.PRIVATE


# ---- terms as they were before there were policies ----------------------------------------------------------------


def first_form(exact: dict[str, Any], private: dict[str, Any]) -> str:
    """A catalogue as an earlier release of Saferoom stored it: canonical JSON with two lists of audiences."""
    value = json.loads(small_catalogue().to_json())
    del value["release"]["policy"]
    value["release"] |= {"exact": exact, "private": private}
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


BOTH = ["pre_publication", "publication"]


def test_the_first_form_means_what_it_said() -> None:
    catalogue = Catalogue.from_json(first_form({"crosstab": ["pre_publication"]}, {"private_count": BOTH}))
    rules = {each: rule for each in EVERY if (rule := catalogue.release.policy.rule(*each)) is not Rule.REFUSED}
    assert rules == {
        ("count", "pre_publication"): "exact",
        ("sum", "pre_publication"): "exact",
        ("mean", "pre_publication"): "exact",
        ("count", "publication"): "private",
    }


def test_the_first_form_with_every_private_kind() -> None:
    private = {f"private_{kind}": ["publication"] for kind in Kind}
    policy = Catalogue.from_json(first_form({"crosstab": ["publication"]}, private)).release.policy
    rules = [policy.rule(kind, Audience.PUBLICATION) for kind in Kind]
    assert rules == ["exact", "exact", "exact", "private", "private", "private"]
    assert {policy.rule(kind, Audience.PRE_PUBLICATION) for kind in Kind} == {Rule.REFUSED}


def test_the_first_form_stays_as_it_was_approved_to_the_byte() -> None:
    """So that versions and project copies keep their digests."""
    text = first_form({"crosstab": BOTH}, {})
    catalogue = Catalogue.from_json(text)
    assert catalogue.to_json() == text
    approved = catalogue.approved(["cost", "ward"])
    assert json.loads(approved.to_json())["release"] == json.loads(text)["release"]
    assert Catalogue.from_json(approved.to_json()) == approved


def test_without_a_kind_in_its_lists_the_first_form_refuses() -> None:
    policy = Catalogue.from_json(first_form({}, {})).release.policy
    assert {policy.rule(*each) for each in EVERY} == {Rule.REFUSED}


@pytest.mark.parametrize(
    ("exact", "private"),
    [
        (3, {}),
        ({"crosstab": 3}, {}),
        ({"crosstab": ["everybody"]}, {}),
        ({"table": BOTH}, {}),
        ({}, {"crosstab": BOTH}),
    ],
)
def test_a_first_form_that_was_edited_is_refused(exact: Any, private: Any) -> None:
    with pytest.raises(CatalogueError, match="stored as JSON"):
        Catalogue.from_json(first_form(exact, private))


@pytest.mark.parametrize("text", ["", "3", "[]", "null", "{}", '{"release": 3}', '{"release": {}}'])
def test_what_is_no_catalogue_is_refused(text: str) -> None:
    with pytest.raises(CatalogueError, match="stored as JSON"):
        Catalogue.from_json(text)


def test_both_forms_at_once_are_refused() -> None:
    value = json.loads(first_form({"crosstab": BOTH}, {}))
    value["release"]["policy"] = {}
    with pytest.raises(CatalogueError, match="stored as JSON"):
        Catalogue.from_json(json.dumps(value))


def _without_policy(lines: str) -> str:
    policy = SMALL[SMALL.index("[release.policy]") : SMALL.index("[release.budget]") + len("[release.budget]")]
    return edited(SMALL, (policy, lines))
