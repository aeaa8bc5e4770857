"""How statistics of a dataset may leave, in the words of a notebook: known before anything is asked for."""

from collections.abc import Mapping

AUDIENCES = {"pre_publication": "for a named team", "publication": "for everybody"}
MEANS = {"exact": "exact", "private": "only with noise (so.private)", "refused": "not at all"}


def policy_in_words(policy: Mapping[str, Mapping[str, str]]) -> list[str]:
    """A line for each way of leaving: “count, sum, mean: exact”. `policy`: the rule of each kind for each audience.

    A rule of a name that is not known here is shown by its name.
    """
    ways: dict[str, list[str]] = {}
    for kind, by_audience in policy.items():
        ways.setdefault(_way(by_audience), []).append(kind)
    return [f"{', '.join(kinds)}: {way}" for way, kinds in ways.items()]


def _way(by_audience: Mapping[str, str]) -> str:
    if len(set(by_audience.values())) == 1:
        return _means(next(iter(by_audience.values())))
    return "; ".join(f"{AUDIENCES.get(audience, audience)} {_means(rule)}" for audience, rule in by_audience.items())


def _means(rule: str) -> str:
    return MEANS.get(rule, rule)
