"""The privacy stage: which statistics need noise, what they cost, and which are exempt by the owner's policy."""

import duckdb

from disclosure_control.privacy.count_release import release_counts
from disclosure_control.privacy.gaussian_counts import DELTA, NANO, GaussianCounts
from disclosure_control.privacy.ledger import DatasetScope, Ledger, ProjectScope
from safe_outputs.answers import AUDIENCES, Cell, Charge, Column, Finding, Noise, TableOfCells, Verdict
from safe_outputs.checker.evidence import Evidence
from safe_outputs.checker.population import codes_of, dimension_of, population_of
from safe_outputs.errors import MalformedPlan, NotPermitted
from safe_outputs.statistics import Crosstab, PrivateCount, plan_hash

MECHANISM = "discrete Gaussian (OpenDP)"
MECHANISM_SOURCE = "Canonne, Kamath, Steinke, “The Discrete Gaussian for Differential Privacy”, 2020"


def permitted_audiences(plan: Crosstab | PrivateCount, evidence: Evidence) -> tuple[str, ...]:
    """The audiences for which the data owner's policy lets a statistic of this kind out.

    Raises:
        NotPermitted: for none; a kind that the policy does not name is not permitted (I3).
    """
    policy = evidence.catalogue.release
    permitted = policy.private.get(plan.kind) if isinstance(plan, PrivateCount) else policy.exact.get(plan.kind)
    audiences = tuple(each for each in AUDIENCES if each in (permitted or ()))
    if not audiences:
        other = "Ask for a differentially private one instead." if isinstance(plan, Crosstab) else "Ask the data owner."
        raise NotPermitted(
            f"The release policy of {evidence.catalogue.title} permits no {plan.kind.replace('_', ' ')}. {other}"
        )
    return audiences


def exemption(evidence: Evidence) -> str:
    """Why an exact statistic passes without noise, in a sentence for the record."""
    return (
        f"The data owner's policy for {evidence.catalogue.title} permits exact tables of this kind. Exact and "
        "private releases of one population do not add up to one privacy guarantee."
    )


def record_exact(ledger: Ledger, plan: Crosstab, evidence: Evidence) -> None:
    """Put on the ledger's record, before it is handed out, that an exact statistic of the population leaves."""
    what = f"{plan.kind} {plan_hash(plan)[:16]} of version {evidence.source.version_digest[:16]}"
    ledger.record_exact(dataset_scope(evidence.source.dataset), what, recorded_by=f"project {evidence.project_id}")


def scopes_of(evidence: Evidence) -> tuple[str, str]:
    """The budgets that a private statistic is charged to: the dataset's, and the project's share of it."""
    dataset = evidence.source.dataset
    return (dataset_scope(dataset), project_scope(evidence.project_id, dataset))


def dataset_scope(dataset: str) -> str:
    return str(DatasetScope(dataset))


def project_scope(project_id: str, dataset: str) -> str:
    return str(ProjectScope(project_id, dataset))


def private_table(
    connection: duckdb.DuckDBPyConnection,
    ledger: Ledger,
    plan: PrivateCount,
    evidence: Evidence,
    *,
    salt: str,
    request: str,
) -> tuple[TableOfCells, list[Finding], Noise, Charge]:
    """Noisy counts, charged before they are drawn (I6). Findings look at what was asked and at noisy values only.

    Raises:
        MalformedPlan: a name or constant that the catalogue does not have, or a key that is not public.
        BudgetExceeded: the price is above what is left; nothing was read.
    """
    catalogue = evidence.catalogue
    keys = _public_keys(plan, evidence)  # what the copy holds → what is published
    population = population_of(catalogue, plan.where)
    mechanism = GaussianCounts(nano_rho=plan.nano_rho, groups_per_unit=plan.groups_per_unit if plan.by else 1)
    released = release_counts(
        connection,
        ledger,
        population,
        mechanism,
        by=plan.by,
        keys=list(keys),
        salt=salt,
        scopes=scopes_of(evidence),
        request=request,
    )
    table = TableOfCells(
        dimensions=(_dimension(plan, evidence),),
        measures=(Column(name=catalogue.unit.plural, label=f"{catalogue.unit.plural.capitalize()} (with noise)"),),
        cells=tuple(
            Cell(codes=(label,), status="published", values=(count,))
            for label, count in zip(keys.values(), released.counts, strict=True)
        ),
    )
    noise = _noise(mechanism, catalogue.unit.singular, plan)
    charge = Charge(
        id=released.charge.id,
        nano_rho=released.charge.nano_rho,
        scopes=released.charge.scopes,
        remaining={scope: ledger.remaining(scope) for scope in released.charge.scopes},
    )
    return table, [_finding(noise, plan)], noise, charge


def _public_keys(plan: PrivateCount, evidence: Evidence) -> dict[str, str]:
    if plan.by is None:
        return {"all": "all"}
    column = dimension_of(evidence.catalogue, plan.by)
    if not column.key:
        public = ", ".join(each.name for each in evidence.catalogue.columns if each.key) or "none"
        raise MalformedPlan(f"The values of “{plan.by}” are no public keys. Public keys: {public}.")
    return codes_of(column)


def _dimension(plan: PrivateCount, evidence: Evidence) -> Column:
    if plan.by is None:
        return Column(name="population", label="Population")
    return Column(name=plan.by, label=dimension_of(evidence.catalogue, plan.by).label)


def _bound(unit: str, plan: PrivateCount) -> str:
    """What a unit's contribution is bounded to. Where nothing is left out by it, there is nothing to say."""
    if plan.by is None:
        return ""
    groups = "one group" if plan.groups_per_unit == 1 else f"{plan.groups_per_unit} groups"
    return (
        f"Each {unit} counts in {groups} at most. Where one belongs to more, the other groups' counts are too low "
        "by it; the noise says nothing of that."
    )


def _noise(mechanism: GaussianCounts, unit: str, plan: PrivateCount) -> Noise:
    return Noise(
        mechanism=MECHANISM,
        guarantee=(
            f"ρ = {mechanism.nano_rho / NANO:g} (zero-concentrated), that is ε = {mechanism.epsilon():.3f} at "
            f"δ = {DELTA:g}, for adding or removing all records of one {unit}"
        ),
        scale=mechanism.scale,
        accuracy=mechanism.accuracy(),
        bound=_bound(unit, plan),
    )


def _finding(noise: Noise, plan: PrivateCount) -> Finding:
    return Finding(
        rule="differential privacy",
        verdict=Verdict.SAFE,
        sentence=(f"Noise was added: with 95 % probability it is within ± {noise.accuracy:g}. {noise.bound}").strip(),
        value=f"ρ = {plan.nano_rho / NANO:g}",
        limit="what is left of the budgets",
        source=MECHANISM_SOURCE,
        fix="",
    )
