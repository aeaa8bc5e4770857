"""The data owner's release policy: how each kind of statistic may leave, for each audience.

Three rules, from the most open to the most closed. `exact`: without noise, or with it. `private`: with noise alone,
paid for from the budget. `refused`: not at all. What a policy does not name is refused (I3).
"""

import hashlib
import json
from collections.abc import Iterator
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from datasets.columns import Part, Problem

FEWEST_CHECKERS = 2

Rho: TypeAlias = Annotated[float, Field(gt=0, description="a finite number above 0")]


def _left_out(value: object) -> bool:
    """So that terms of before there was such a key keep their digest."""
    return value is None


class Rule(StrEnum):
    EXACT = "exact"
    PRIVATE = "private"
    REFUSED = "refused"


class Kind(StrEnum):
    """What a statistic tells. A table of counts and means tells both, and both kinds' rules hold for it."""

    COUNT = "count"
    SUM = "sum"
    MEAN = "mean"
    VARIANCE = "variance"
    QUANTILE = "quantile"
    REGRESSION = "regression"


class Audience(StrEnum):
    PRE_PUBLICATION = "pre_publication"
    PUBLICATION = "publication"


RuleOfAudience: TypeAlias = Annotated[Rule, Field(description='"exact", "private" or "refused"')]


class ByAudience(Part):
    """One kind's rule for each audience."""

    pre_publication: RuleOfAudience = Rule.REFUSED
    publication: RuleOfAudience = Rule.REFUSED


class Policy(Part):
    """The rules of all kinds, and of files that people made. A kind or audience that is left out is refused."""

    count: ByAudience = ByAudience()
    sum: ByAudience = ByAudience()
    mean: ByAudience = ByAudience()
    variance: ByAudience = ByAudience()
    quantile: ByAudience = ByAudience()
    regression: ByAudience = ByAudience()
    file: Annotated[ByAudience | None, Field(exclude_if=_left_out)] = None

    def lets_files_out(self, audience: str) -> bool:
        """Whether files that people made may leave after review. Noise is in no file, so that only `exact` does."""
        if self.file is None or audience not in set(Audience):
            return False
        return bool(getattr(self.file, audience) is Rule.EXACT)

    def rule(self, kind: str, audience: str) -> Rule:
        """The rule for a kind and an audience; `refused` for a name that is neither."""
        if kind not in set(Kind) or audience not in set(Audience):
            return Rule.REFUSED
        found: Rule = getattr(getattr(self, kind), audience)
        return found


class Budget(Part):
    """The privacy loss (rho, of zero-concentrated differential privacy) that the owner allows, for ever.

    `person_rho`: the ration of each researcher, over all projects; left out, nobody has a ration of her own, and the
    project's share is the limit. `delta`: the limit of δ in each of these budgets; left out, the ledger's usual one.
    """

    dataset_rho: Rho
    project_rho: Rho
    person_rho: Annotated[Rho | None, Field(exclude_if=_left_out)] = None
    delta: Annotated[
        float | None, Field(ge=0, lt=1, exclude_if=_left_out, description="a number from 0 to less than 1")
    ] = None

    def problems(self) -> Iterator[Problem]:
        if self.project_rho > self.dataset_rho:
            yield Problem(
                path=("project_rho",),
                wrong="a project would have more than the dataset",
                expected=f"at most dataset_rho, {self.dataset_rho}",
            )
        if self.person_rho is not None and self.person_rho > self.dataset_rho:
            yield Problem(
                path=("person_rho",),
                wrong="a person would have more than the dataset",
                expected=f"at most dataset_rho, {self.dataset_rho}",
            )


class ReleaseTerms(Part):
    """The owner's terms: the rule profile, how many checkers approve, the policy, and the budget.

    `exact` in the policy exempts a kind from the privacy stage, never from the rule profile. `counts_for_checkers`:
    whether output checkers who review may see how many units are behind each cell of an exact table; left out, they
    may.
    """

    rule_profile: Annotated[
        str,
        Field(pattern=r"^[a-z][a-z0-9-]{0,47}$", description='the name of a rule profile, like "ons-srs"'),
    ]
    checkers: Annotated[int, Field(ge=FEWEST_CHECKERS, le=9, description="a whole number from 2 to 9")]
    policy: Annotated[Policy, Field(description=f"a table with {', '.join(Kind)}")] = Policy()
    budget: Budget
    counts_for_checkers: Annotated[bool | None, Field(exclude_if=_left_out, description="true or false")] = None

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the terms as canonical JSON: what an approval is bound to (I7)."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


FirstPrivate: TypeAlias = Literal[
    "private_count", "private_sum", "private_mean", "private_variance", "private_quantile", "private_regression"
]


class FirstTerms(ReleaseTerms):
    """Terms as catalogues had them before policies: lists of audiences for exact tables and for private statistics.

    They are read for what was approved then, and written as they were, so that versions and project copies keep
    their digests. Tables told counts, sums and means; a kind that the lists did not name stays refused.
    """

    policy: Annotated[Policy, Field(exclude=True)] = Policy()
    exact: dict[Literal["crosstab"], tuple[Audience, ...]]
    private: dict[FirstPrivate, tuple[Audience, ...]]


def first_terms(terms: dict[str, Any]) -> FirstTerms | None:
    """The terms, decoded from JSON, if they have the form of before there were policies; with what they mean.

    Raises:
        ValidationError: they have that form, and something in them is wrong.
    """
    if not {"exact", "private"} <= terms.keys() or "policy" in terms:
        return None
    found = FirstTerms.model_validate_json(json.dumps(terms))
    rules: dict[str, dict[Audience, Rule]] = {
        name.removeprefix("private_"): dict.fromkeys(audiences, Rule.PRIVATE)
        for name, audiences in found.private.items()
    }
    exact = dict.fromkeys(found.exact.get("crosstab", ()), Rule.EXACT)
    rules |= {kind: {**rules.get(kind, {}), **exact} for kind in ("count", "sum", "mean")}
    return found.model_copy(update={"policy": Policy.model_validate_json(json.dumps(rules))})
