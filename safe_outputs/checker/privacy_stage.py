"""The privacy stage: which statistics need noise, what they cost, and which are exempt by the owner's policy."""

import json

import duckdb

from disclosure_control import PrivatePlan
from disclosure_control.errors import MalformedPrivatePlan
from disclosure_control.privacy.advice import what_fits
from disclosure_control.privacy.ledger import DatasetScope, Ledger, ProjectScope, in_rho
from disclosure_control.privacy.mechanisms import DELTA
from safe_outputs.answers import Charge, Finding, MeasureError, Noise, Quote, TableOfCells, Verdict
from safe_outputs.checker.evidence import Evidence
from safe_outputs.checker.private_table import errors_of, public_dataset, require_table, table_of
from safe_outputs.errors import MalformedPlan, NotPermitted
from safe_outputs.statistics import Crosstab, Private, plan_hash

MECHANISMS = {"gaussian": "discrete Gaussian (OpenDP)", "laplace": "discrete Laplace (OpenDP)"}
MECHANISM_SOURCE = "Canonne, Kamath, Steinke, “The Discrete Gaussian for Differential Privacy”, 2020"


def exemption(evidence: Evidence) -> str:
    """Why an exact statistic passes without noise, in a sentence for the record."""
    return (
        f"The data owner's policy for {evidence.catalogue.title} permits exact tables of this kind. Exact and "
        "private releases of one population do not add up to one privacy guarantee."
    )


def record_exact(ledger: Ledger, plan: Crosstab, evidence: Evidence) -> None:
    """Put on the ledger's record, before it is handed out, that an exact statistic of the population leaves."""
    what = exact_name(plan.kind, plan_hash(plan), evidence.source.version_digest)
    ledger.record_exact(dataset_scope(evidence.source.dataset), what, recorded_by=f"project {evidence.project_id}")


def exact_name(kind: str, plan: str, version: str) -> str:
    """What the ledger calls an exact statistic: its kind, its plan's hash, and its dataset version's."""
    return f"{kind} {plan[:16]} of version {version[:16]}"


def scopes_of(evidence: Evidence) -> tuple[str, str]:
    """The budgets that a private statistic is charged to: the dataset's, and the project's share of it."""
    dataset = evidence.source.dataset
    return (dataset_scope(dataset), project_scope(evidence.project_id, dataset))


def dataset_scope(dataset: str) -> str:
    return str(DatasetScope(dataset))


def project_scope(project_id: str, dataset: str) -> str:
    return str(ProjectScope(project_id, dataset))


def plan_of(plan: Private, evidence: Evidence) -> PrivatePlan:
    """The plan of what was asked, on the description that the steward published. Raises `MalformedPlan`."""
    try:
        asked = PrivatePlan.asked(public_dataset(evidence), json.dumps(plan.question()))
    except MalformedPrivatePlan as error:
        raise MalformedPlan(str(error)) from None
    require_table(asked)
    return asked


def private_table(
    connection: duckdb.DuckDBPyConnection, ledger: Ledger, plan: Private, evidence: Evidence
) -> tuple[TableOfCells, list[Finding], Noise, Charge]:
    """Noisy answers, charged before they are drawn (I6). Findings look at what was asked and at noisy values only.

    Raises:
        MalformedPlan: a name or constant that the catalogue does not have, or a key that is not public.
        PriceTooHigh: the price is above what is left; nothing was read.
    """
    asked = plan_of(plan, evidence)
    request = f"{evidence.project_id}/{asked.hash}/{evidence.source.version_digest}"
    released = asked.release(connection, ledger, scopes_of(evidence), request=request)
    noise = _noise(asked, evidence)
    if released.charge is None:
        raise NotPermitted("A private statistic without a charge is not handed out. Tell the operator.")
    charge = Charge(
        id=released.charge.id,
        nano_rho=released.charge.nano_rho,
        scopes=released.charge.scopes,
        remaining=_remaining(ledger, evidence),
    )
    return table_of(asked, released, evidence), [_finding(noise, asked)], noise, charge


def preview(ledger: Ledger, plan: Private, evidence: Evidence) -> tuple[TableOfCells, list[Finding], Noise, Quote]:
    """Made-up data in the form of the answer, its accuracy and its price: free, and the data is not read.

    Raises:
        MalformedPlan: as `private_table`.
    """
    asked = plan_of(plan, evidence)
    noise = _noise(asked, evidence)
    quote = Quote(nano_rho=asked.cost().nano_rho, remaining=_remaining(ledger, evidence))
    return table_of(asked, asked.dry_run(), evidence), [_made_up(asked, quote)], noise, quote


def _remaining(ledger: Ledger, evidence: Evidence) -> dict[str, int]:
    return {scope: ledger.remaining(scope) for scope in scopes_of(evidence)}


def _noise(asked: PrivatePlan, evidence: Evidence) -> Noise:
    cost = asked.cost()
    errors: tuple[MeasureError, ...] = errors_of(asked, evidence)
    return Noise(
        mechanism=MECHANISMS[asked.mechanism],
        guarantee=(
            f"ρ = {in_rho(cost.nano_rho)} (zero-concentrated), that is ε = {cost.epsilon:.3f} at δ = {DELTA:g}, for "
            f"adding or removing all records of one {evidence.catalogue.unit.singular}"
        ),
        errors=errors,
        bound=_bound(asked, evidence.catalogue.unit.singular),
    )


def _bound(asked: PrivatePlan, unit: str) -> str:
    """What a unit's contribution is bounded to. Where nothing is left out by it, there is nothing to say."""
    found = []
    if asked.by and asked.design.groups < max(1, _groups(asked)):
        groups = "one group" if asked.design.groups == 1 else f"{asked.design.groups} groups"
        found.append(
            f"Each {unit} counts in {groups} at most. Where one belongs to more, the other groups' numbers are too low "
            "by it; the noise says nothing of that."
        )
    if any(series.kind != "units" for series in asked.design.series):
        rows = "one record" if asked.rows_per_unit == 1 else f"{asked.rows_per_unit} records"
        found.append(f"Each {unit} counts with {rows} in a group at most: of one with more, their mean so often.")
    return " ".join(found)


def _groups(asked: PrivatePlan) -> int:
    groups = 1
    for domain in asked.design.domains:
        groups *= len(domain.values)
    return groups


def _finding(noise: Noise, asked: PrivatePlan) -> Finding:
    return Finding(
        rule="differential privacy",
        verdict=Verdict.SAFE,
        sentence=f"Noise was added: with 95 % probability it is within {noise.in_words}. {noise.bound}".strip(),
        value=f"ρ = {in_rho(asked.cost().nano_rho)}",
        limit="what is left of the budgets",
        source=MECHANISM_SOURCE,
        fix="",
    )


def _made_up(asked: PrivatePlan, quote: Quote) -> Finding:
    left = min(quote.remaining.values())
    return Finding(
        rule="preview",
        verdict=Verdict.BLOCKED,
        sentence="These numbers are made up, to show the form of the answer. The data was not read; nothing was paid.",
        value=f"ρ = {in_rho(asked.cost().nano_rho)}",
        limit=f"ρ = {in_rho(left)} is left",
        source=MECHANISM_SOURCE,
        fix="Ask for it when the error and the price suit you." if quote.fits else what_fits(asked, left),
    )
