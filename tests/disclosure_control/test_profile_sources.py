"""What the shipped profiles say, rule by rule: no more and no less than was read in the sources that they cite."""

from collections.abc import Iterator

import pytest

from disclosure_control import RuleProfile
from disclosure_control.profiles import shipped_profiles
from disclosure_control.rulebook import CALLER
from tests.disclosure_control.small_tables import rows_of

# profile, rule, what it says, and words of the source that it cites
READ = """
    | profile        | rule               | says                              | source |
    | abs-datalab    | threshold          | at least 10, empty cells too      | rule of 10 |
    | abs-datalab    | dominance          | 1; 50 %                           | dominance (1; 50 %) |
    | abs-datalab    | dominance          | 2; 67 %                           | dominance (2; 67 %) |
    | abs-datalab    | negatives          | shift                             | absolute values |
    | abs-datalab    | class_disclosure   | refer                             | group disclosure |
    | abs-datalab    | refer              | differences between outputs       | rule of 10 |
    | abs-datalab    | refer              | minimum contributors of quantiles | table of rules |
    | abs-datalab    | refer              | degrees of freedom                | table of rules |
    | abs-datalab    | refer              | charts                            | table of rules |
    | datashield     | threshold          | at least 3, empty cells too       | data2knowledge |
    | datashield     | refer              | model parameters: 0.33            | data2knowledge |
    | datashield     | refer              | length of texts: 80, 20           | data2knowledge |
    | eurostat-fss   | rounding           | 10, conventional                  | farm statistics wiki |
    | eurostat-fss   | refer              | threshold and dominance           | n = 2, k = 85 |
    | eurostat-fss   | refer              | flags                             | farm statistics wiki |
    | microdata-no   | refer              | winsorising: 1                    | winsorising |
    | microdata-no   | refer              | small populations                 | not confirmed |
    | nhse-sde       | threshold          | at least 10, empty cells too      | counts under 10 |
    | nhse-sde       | rounding           | 5, conventional                   | nearest 5 |
    | ons-srs        | threshold          | at least 10, empty cells too      | onscell.html |
    | ons-srs        | class_disclosure   | refer                             | contents page |
    | ons-srs        | refer              | dominance                         | contents page |
    | ons-srs        | refer              | models and other statistics       | contents page |
    | ons-srs        | refer              | clearance                         | ons.gov.uk |
    | opensafely     | threshold          | more than 7, empty cells too      | redact counts up to 7 |
    | opensafely     | rounding           | 5, conventional                   | nearest 5 |
    | opensafely     | refer              | rates: 0, 0, 1-6, 3, 7-12, 9      | sdc.md |
    | opensafely     | refer              | minimum and maximum               | sdc.md |
    | opensafely     | refer              | files: 16, 5,000                  | requesting-file-release.md |
    | opensafely     | refer              | review                            | output-checking.md |
    | sacro-acro     | threshold          | at least 10, empty cells too      | zeros_are_disclosive true |
    | sacro-acro     | dominance          | 2; 90 %                           | safe_nk_n 2, safe_nk_k 90 |
    | sacro-acro     | p_percent          | 10 %                              | safe_pratio_p 10 |
    | sacro-acro     | degrees_of_freedom | 10                                | safe_dof_threshold 10 |
    | sacro-acro     | refer              | rounding: 5                       | safe_round_base 5 |
    | sacro-acro     | refer              | survival tables and plots: 10     | survival_safe_threshold 10 |
    | sacro-acro     | refer              | files                             | blocked_extensions |
    | statcan-census | rounding           | 5, random                         | random rounding to base 5 |
    | statcan-census | refer              | area suppression: 40, 100, 250    | Statistics Canada |
    | statsnz        | rounding           | 3, random                         | 17 becomes 15 |
    | statsnz        | refer              | suppression                       | Infoshare |
    | ukllc          | threshold          | at least 10, empty cells too      | zero included |
    | ukllc          | refer              | means, medians, modes, standard deviations, variances: 10 | guidebook |
    | us-census-drb  | refer              | rounding of counts: 15-99, 100-999, 1000-9999, 500 | drb_rounder |
    | us-census-drb  | refer              | rounding of other numbers: 4      | drb_rounder |
    | us-census-drb  | refer              | tables from research data centres | LEHD memo |
"""
NOT_READ = ("dwb-essnet", "hmrc-datalab", "sdap-handbook", "statcan-rdc")


def said(profile: RuleProfile) -> Iterator[tuple[str, str, str]]:
    """Rule, what it says, its source; of everything but what no source says."""
    if rule := profile.threshold:
        least = f"{'more than' if rule.strict else 'at least'} {rule.units}"
        yield "threshold", f"{least}, empty cells {'are safe' if rule.zero_is_safe else 'too'}", rule.source
    for dominance in profile.dominance:
        yield "dominance", f"{dominance.n}; {dominance.k} %", dominance.source
    if profile.p_percent:
        yield "p_percent", f"{profile.p_percent.p} %", profile.p_percent.source
    if profile.class_disclosure:
        yield "class_disclosure", profile.class_disclosure.action, profile.class_disclosure.source
    if profile.degrees_of_freedom:
        yield "degrees_of_freedom", str(profile.degrees_of_freedom.at_least), profile.degrees_of_freedom.source
    if profile.rounding:
        yield "rounding", f"{profile.rounding.base}, {profile.rounding.method}", profile.rounding.source
    for policy in (profile.negatives, profile.weights):
        if policy.source != CALLER:
            yield type(policy).__name__.lower(), policy.policy, policy.source
    for referral in profile.refer:
        yield "refer", referral.rule, referral.source


def expected(profile: str) -> dict[tuple[str, str], str]:
    """What was read: (rule, what it says without the numbers of referrals) → words of its source."""
    rows = [row for row in rows_of(READ) if row["profile"] == profile]
    return {(row["rule"], row["says"].split(":")[0]): row["source"] for row in rows}


@pytest.mark.parametrize("name", sorted(shipped_profiles()))
def test_a_profile_says_what_was_read_and_no_more(name: str) -> None:
    found = {(rule, says): source for rule, says, source in said(RuleProfile.load(name))}
    assert set(found) == set(expected(name))
    for rule, words in expected(name).items():
        assert words in found[rule], rule


@pytest.mark.parametrize("row", [row for row in rows_of(READ) if ": " in row["says"]], ids=lambda row: row["says"][:30])
def test_a_referral_tells_the_person_the_numbers(row: dict[str, str]) -> None:
    rule, numbers = row["says"].split(": ", 1)
    (referral,) = [each for each in RuleProfile.load(row["profile"]).refer if each.rule == rule]
    for number in numbers.split(", "):
        assert number in referral.why


def test_there_is_a_profile_for_every_publisher_that_was_read_and_for_no_other() -> None:
    assert set(shipped_profiles()) == {row["profile"] for row in rows_of(READ)}
    assert not set(NOT_READ) & set(shipped_profiles())


def test_rules_that_no_source_gives_are_in_no_profile() -> None:
    """(p,q) and requests were read nowhere; protection is the default of τ-Argus, which its source says."""
    for name in shipped_profiles():
        profile = RuleProfile.load(name)
        assert profile.pq is None
        assert profile.request is None
        assert "τ-Argus" in profile.protection.source


def test_what_software_does_not_decide_goes_to_a_person_with_the_reason() -> None:
    for name in shipped_profiles():
        profile = RuleProfile.load(name)
        decides = profile.threshold or profile.dominance or profile.p_percent
        assert decides or any({"frequencies", "magnitudes"} & set(each.applies_to) for each in profile.refer), name
        assert all(len(each.why) > 30 for each in profile.refer)
