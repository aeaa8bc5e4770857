"""Rule profiles: what is shipped, what a caller can make, and that nothing in them fails open."""

import dataclasses

import pytest

from disclosure_control import Dominance, MalformedProfile, PPercent, Rounding, RuleProfile, Threshold
from disclosure_control.profiles import shipped_profiles
from disclosure_control.rulebook import CALLER

# A profile is never edited in place (I14): a change of its text needs a new version, and a line of its own here.
PUBLISHED = {
    ("abs-datalab", "2026.1"): "665b4a0ca86f4e1381ad88b60b9d16d504175cf8a362e4f4c577c417cea3e5c2",
    ("abs-datalab", "2026.2"): "7c572473a5e36e12a77dd7fb9da088937d3478f398f35716501903f228822b61",
    ("datashield", "2026.1"): "d80ad3fe9d7481e74c14841c13d96871a73111480cb72b0ec4f12176574c757d",
    ("eurostat-fss", "2026.1"): "bcd64e07282a58a2c2875d73ef6787b5a318199eeb2cbcb499bc68868a28d479",
    ("microdata-no", "2026.1"): "239f6ba10e08a4413426a35574ef198218d35bf0f28e4da8442419a8a47064d4",
    ("nhse-sde", "2026.1"): "16d440224bf9a13ebcd221f52629680241f9dd7cb32ab6147a9828c913253a95",
    ("ons-srs", "2026.2"): "ce8dd2adb88e49a8ceb21ee54a51f148a3f0fdbd454321e26b7dcc34358160f5",
    ("ons-srs", "2026.3"): "f07ed3b450a36c6f90561c94f50c69d615d53fa415564d8bfafec55c5048a1c5",
    ("opensafely", "2026.1"): "bf243d33549b7ffbca6710a018fb2edd48b4f9d173282b9ee1306e1eca9f89d9",
    ("opensafely", "2026.2"): "1c24e30091f51e194ef92ea68a48fc7114722e3d6c961103a546f327c5dba90b",
    ("sacro-acro", "2026.1"): "d19c71a06e643959b4381a25eb5a870aefc98fab01a5974180afb773f19202ae",
    ("sacro-acro", "2026.2"): "b71d63d534e7614bc3dbf49daf7483b815b93fc7adce7f53e4e4e8ada05ee26d",
    ("statcan-census", "2026.1"): "2212d3f0e261f0e8d56d5df1ed6b57869446c217eb23d6707263002fe1218324",
    ("statsnz", "2026.1"): "1b96fbb9a834f4891a44b2ff1aaeb9f606564d0f6eab7836f2ec2802ae51cdec",
    ("ukllc", "2026.1"): "ca7102ece1b1817132f91fa5f803f3bd65deb5435fd31dfd7a6f678d8bd72f6d",
    ("us-census-drb", "2026.1"): "ecde886a41c2ad24f9e36974471ce91c6b1e1061310fde72468b060b621deaaa",
}


def test_a_caller_sets_rules_as_numbers() -> None:
    profile = RuleProfile(threshold=10, dominance=[(1, 50), (2, 67)], p_percent=10)
    assert profile.threshold == Threshold(10, zero_is_safe=False, source=CALLER)
    assert profile.dominance == (Dominance(1, 50, CALLER), Dominance(2, 67, CALLER))
    assert profile.p_percent == PPercent(10, CALLER)
    assert (profile.name, profile.version) == ("custom", "0")


def test_the_digest_is_of_the_rules() -> None:
    profile = RuleProfile(threshold=10)
    assert profile.digest == RuleProfile(threshold=10).digest
    assert profile.digest != RuleProfile(threshold=10, strict=True).digest
    assert profile.digest != dataclasses.replace(profile, p_percent=PPercent(5, CALLER)).digest


def test_strict_is_said_explicitly() -> None:
    assert Threshold(7, zero_is_safe=False, source="x", strict=True).fewest == 8
    assert Threshold(7, zero_is_safe=False, source="x", strict=False).fewest == 7


@pytest.mark.parametrize(
    ("name", "fewest", "dominance", "p"),
    [
        ("ons-srs", 10, [], None),
        ("abs-datalab", 10, [(1, 50), (2, 67)], None),
        ("sacro-acro", 10, [(2, 90)], 10),
        ("opensafely", 8, [], None),
        ("nhse-sde", 10, [], None),
        ("ukllc", 10, [], None),
        ("datashield", 3, [], None),
    ],
)
def test_the_numbers_of_the_shipped_profiles(
    name: str, fewest: int, dominance: list[tuple[int, float]], p: float | None
) -> None:
    profile = RuleProfile.load(name)
    assert profile.threshold is not None and profile.threshold.fewest == fewest
    assert [(each.n, each.k) for each in profile.dominance] == dominance
    assert (profile.p_percent.p if profile.p_percent else None) == p


@pytest.mark.parametrize("name", list(shipped_profiles()))
def test_every_shipped_profile_loads_and_every_rule_cites_its_source(name: str) -> None:
    profile = RuleProfile.load(name)
    assert profile.name == name
    for field in dataclasses.fields(profile):
        rules = getattr(profile, field.name)
        for rule in rules if isinstance(rules, tuple) else (rules,):
            if hasattr(rule, "source"):
                assert (rule.source == CALLER and field.name in {"negatives", "weights"}) or len(rule.source) > 20


def test_what_was_not_verified_is_not_shipped() -> None:
    assert not {"dwb-essnet", "hmrc-datalab", "statcan-rdc"} & set(shipped_profiles())


def test_what_is_not_implemented_refers_to_a_person() -> None:
    assert [each.rule for each in RuleProfile.load("us-census-drb").refer][:1] == ["rounding of counts"]
    rounding = RuleProfile.load("statsnz").rounding
    assert rounding is not None and (rounding.base, rounding.method) == (3, "random")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("units = 10", "units = 0", "threshold.units"),
        ("units = 10", 'units = "ten"', "wrong type; expected int"),
        ("units = 10", "units = true", "wrong type; expected int"),
        ("zero_is_safe = false", "", "“zero_is_safe” is missing"),
        ("zero_is_safe = false", "zero_is_safe = false\ndominance = 3", "“dominance” is unknown"),
        ("source = ", 'source = ""\nsources = ', "unknown"),
        ("[threshold]", "[threshold", "not TOML"),
        ("[threshold]", "[treshold]", "the rule or key “treshold” is unknown"),
        ("[threshold]", "[[threshold]]", "expected a table"),
        ('name = "ons-srs"', "name = 3", "“name” has the wrong type"),
        ('name = "ons-srs"', "", "“name” is missing"),
        ('action = "refer"', 'action = "ignore"', "“ignore” is unknown. Use one of: suppress, refer"),
        ("all_but = 0", "all_but = -1", "all_but"),
        ('applies_to = ["magnitudes"]', 'applies_to = ["tables"]', "“tables” is unknown"),
        ('applies_to = ["magnitudes"]', "applies_to = [3]", "list of texts"),
        ('applies_to = ["magnitudes"]', "applies_to = []", "name at least one"),
    ],
)
def test_a_malformed_profile_never_fails_open(before: str, after: str, message: str) -> None:
    text = shipped_profiles()["ons-srs"].replace(before, after)
    with pytest.raises(MalformedProfile, match=message):
        RuleProfile.from_toml(text, "ons-srs.toml")


def test_an_unknown_profile_names_those_there_are() -> None:
    with pytest.raises(MalformedProfile, match="ons-srs"):
        RuleProfile.load("none")


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"threshold": 0}, "threshold.units"),
        ({"dominance": [(0, 50)]}, "dominance.n"),
        ({"dominance": [(1, 100)]}, "dominance.k"),
        ({"p_percent": 0}, "p_percent.p"),
        ({"pq": (20, 10)}, "pq"),
        ({"request": 100}, "request.share"),
        ({"degrees_of_freedom": 0}, "degrees_of_freedom"),
        ({"negatives": "ignore"}, "negatives.policy"),
        ({"weights": "none"}, "weights.policy"),
        ({"protection": -1}, "protection.percent"),
        ({"threshold": 10.5}, "threshold.units: a whole number"),
        ({"threshold": "10"}, "threshold: it is str. Write a whole number of units, or a Threshold"),
        ({"threshold": True}, "threshold: it is bool"),
        ({"threshold": 3, "strict": 1}, "threshold.strict: True or False"),
        ({"dominance": (1, 50)}, r"dominance: it is int. Write a list of pairs \(n, k\)"),
        ({"dominance": [(1,)]}, "dominance: it is tuple"),
        ({"dominance": [(1.5, 50)]}, "dominance.n: a whole number"),
        ({"dominance": 50}, "dominance: it is int"),
        ({"p_percent": float("nan")}, "p_percent.p: a finite number"),
        ({"p_percent": "10"}, "p_percent: it is str. Write a percentage"),
        ({"pq": [10, 50]}, r"pq: it is list. Write a pair \(p, q\)"),
        ({"class_disclosure": "yes"}, "class_disclosure: it is str. Write True or False"),
        ({"rounding": 5}, "rounding: it is int"),
        ({"refer": ["quality"]}, "refer: it is str"),
    ],
)
def test_numbers_that_no_rule_can_have_are_refused(rules: dict[str, object], message: str) -> None:
    with pytest.raises(MalformedProfile, match=message):
        RuleProfile(**rules)  # type: ignore[arg-type]


def test_a_base_of_zero_is_refused() -> None:
    with pytest.raises(MalformedProfile, match="a whole number, 2 or more"):
        Rounding(0, "random", "x")


def test_an_unknown_rule_is_refused_and_one_of_like_name_is_proposed() -> None:
    with pytest.raises(MalformedProfile, match=r"“dominence” is unknown\. Did you mean dominance\?"):
        RuleProfile(dominence=[(1, 50)])  # type: ignore[arg-type]


@pytest.mark.parametrize("name", list(shipped_profiles()))
def test_a_profile_is_not_edited_in_place(name: str) -> None:
    profile = RuleProfile.load(name)
    assert PUBLISHED.get((name, profile.version)) == profile.digest, f"{name} changed: give it a new version"
