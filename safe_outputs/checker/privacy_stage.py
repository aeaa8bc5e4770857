"""The privacy stage: which statistics need noise, what they cost, and which are exempt by the owner's policy."""

import json
from collections.abc import Callable, Iterable

import duckdb

from datasets.catalogue import UnitOfCount
from disclosure_control import PrivatePlan
from disclosure_control.errors import ConsistencyFailed, DeltaExceeded, MalformedPrivatePlan, RoundingFailed
from disclosure_control.privacy.advice import what_fits
from disclosure_control.privacy.ledger import (
    DEFAULT_DELTA,
    DatasetScope,
    Ledger,
    PersonScope,
    ProjectScope,
    allowance_of,
    delta_allowance_of,
    in_rho,
)
from disclosure_control.privacy.release import PrivateRelease
from safe_outputs.answers import Charge, Finding, MeasureError, Noise, Quote, TableOfCells, Verdict
from safe_outputs.checker.evidence import Evidence
from safe_outputs.checker.private_table import (
    Consistent,
    consistent_of,
    errors_of,
    public_dataset,
    require_table,
    table_of,
)
from safe_outputs.errors import DoesNotAddUp, MalformedPlan, NotPermitted
from safe_outputs.statistics import Crosstab, Private, plan_hash

MECHANISMS = {"gaussian": "discrete Gaussian (OpenDP)", "laplace": "discrete Laplace (OpenDP)"}
THRESHOLD = "; keys by discrete Laplace noise and a threshold"
CONSISTENCY_SOURCE = "Abowd et al., “The 2020 Census Disclosure Avoidance System TopDown Algorithm”, 2022"
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
    ledger.record_exact(dataset_scope(evidence.catalogue.people), what, recorded_by=f"project {evidence.project_id}")


def exact_name(kind: str, plan: str, version: str) -> str:
    """What the ledger calls an exact statistic: its kind, its plan's hash, and its dataset version's."""
    return f"{kind} {plan[:16]} of version {version[:16]}"


def scopes_of(ledger: Ledger, evidence: Evidence) -> tuple[str, ...]:
    """The budgets that a private statistic is charged to: the population's, the project's share, a person's ration.

    A person has a ration if the data owner's terms say so, or if she granted one to this person.
    """
    people = evidence.catalogue.people
    scopes = (dataset_scope(people), project_scope(evidence.project_id, people))
    own = person_scope(evidence.person, people)
    return (*scopes, own) if _ration(evidence) or ledger.granted(own) else scopes


def dataset_scope(population: str) -> str:
    return str(DatasetScope(population))


def project_scope(project_id: str, population: str) -> str:
    return str(ProjectScope(project_id, population))


def person_scope(person: str, population: str) -> str:
    return str(PersonScope(person, population))


def _ration(evidence: Evidence) -> int:
    """What the owner's terms give each person (billionths of ρ); none is 0."""
    rho = evidence.catalogue.release.budget.person_rho
    return 0 if rho is None else allowance_of(rho)


def _missing_of_ration(ledger: Ledger, evidence: Evidence) -> int:
    """What the owner's terms give this person, and the ledger does not have yet."""
    return max(0, _ration(evidence) - ledger.granted(person_scope(evidence.person, evidence.catalogue.people)))


def grant_ration(ledger: Ledger, evidence: Evidence) -> None:
    """Enter the ration into the ledger, in the name of the owner who agreed to these terms."""
    if missing := _missing_of_ration(ledger, evidence):
        terms = evidence.catalogue.release
        own = person_scope(evidence.person, evidence.catalogue.people)
        delta = delta_allowance_of(terms.budget.delta) if ledger.granted(own) == 0 else None
        ledger.grant(
            own, missing, granted_by=f"{evidence.owner}, by release terms {terms.digest[:12]}", nano_delta=delta
        )


def plan_of(plan: Private, evidence: Evidence) -> PrivatePlan:
    """The plan of what was asked, on the description that the steward published. Raises `MalformedPlan`."""
    try:
        asked = PrivatePlan.asked(public_dataset(evidence), json.dumps(plan.question()))
    except MalformedPrivatePlan as error:
        raise MalformedPlan(str(error)) from None
    require_table(asked)
    return asked


def private_table(
    connection: duckdb.DuckDBPyConnection,
    ledger: Ledger,
    plan: Private,
    evidence: Evidence,
    still_allowed: Callable[[], None] = lambda: None,
) -> tuple[TableOfCells, list[Finding], Noise, Charge]:
    """Noisy answers, charged before they are drawn (I6). Findings look at what was asked and at noisy values only.

    `still_allowed` raises where a right has ended meanwhile; the charge is then given back, and nothing read (I10).

    Raises:
        MalformedPlan: a name or constant that the catalogue does not have, or a key that is not public.
        MalformedTable: a table with totals that is too large to be made to add up; nothing was charged.
        DoesNotAddUp: totals are not proven to add up; the noisy cells are paid for, and a retry costs nothing.
        PriceTooHigh: the price is above what is left; nothing was read.
    """
    asked = plan_of(plan, evidence)
    request = f"{evidence.project_id}/{asked.hash}/{evidence.source.version_digest}"
    noise = _noise(asked, evidence)  # told before anything is charged: it may be refused
    grant_ration(ledger, evidence)
    scopes = scopes_of(ledger, evidence)
    released = asked.release(connection, ledger, scopes, request=request, still_allowed=still_allowed)
    if released.charge is None:
        raise NotPermitted("A private statistic without a charge is not handed out. Tell the operator.")
    charge = Charge(
        id=released.charge.id,
        nano_rho=released.charge.nano_rho,
        scopes=released.charge.scopes,
        remaining=_remaining(ledger, evidence),
        nano_delta=released.charge.nano_delta,
        remaining_delta=_remaining_delta(ledger, asked, evidence),
    )
    consistent = _consistent(asked, released)
    table = table_of(asked, released, evidence, consistent)
    return table, [_finding(noise, asked, _limit(charge.scopes, evidence)), *_added_up(consistent)], noise, charge


def _consistent(asked: PrivatePlan, released: PrivateRelease) -> Consistent:
    """What was paid for, made to add up. Raises `DoesNotAddUp`: the noisy cells stay in the ledger."""
    try:
        return consistent_of(asked, released)
    except (ConsistencyFailed, RoundingFailed) as error:
        raise DoesNotAddUp(
            f"{error} The noisy cells are paid for and kept: ask again, which costs nothing. If it stays so, tell the "
            "operator."
        ) from None


def preview(ledger: Ledger, plan: Private, evidence: Evidence) -> tuple[TableOfCells, list[Finding], Noise, Quote]:
    """Made-up data in the form of the answer, its accuracy and its price: free, and the data is not read.

    Raises:
        MalformedPlan: as `private_table`.
    """
    asked = plan_of(plan, evidence)
    noise = _noise(asked, evidence)
    quote = Quote(
        nano_rho=asked.cost().nano_rho,
        remaining=_remaining(ledger, evidence),
        nano_delta=asked.cost().nano_delta,
        remaining_delta=_remaining_delta(ledger, asked, evidence),
    )
    dry = asked.dry_run()
    table = table_of(asked, dry, evidence, consistent_of(asked, dry))
    return table, [_made_up(asked, quote, _limit(quote.remaining, evidence))], noise, quote


def _remaining(ledger: Ledger, evidence: Evidence) -> dict[str, int]:
    left = {scope: ledger.remaining(scope) for scope in scopes_of(ledger, evidence)}
    own = person_scope(evidence.person, evidence.catalogue.people)
    return left | ({own: left[own] + _missing_of_ration(ledger, evidence)} if own in left else {})


def _limit(scopes: Iterable[str], evidence: Evidence) -> str:
    """What limits a price, in words."""
    if person_scope(evidence.person, evidence.catalogue.people) in set(scopes):
        return "what is left of the budgets: the dataset's, the project's, and your ration"
    return "what is left of the dataset's and the project's budgets (the data owner sets no ration for one person)"


def _remaining_delta(ledger: Ledger, asked: PrivatePlan, evidence: Evidence) -> dict[str, int]:
    """What is left of δ; nothing is said of it where it costs none."""
    if not asked.cost().nano_delta:
        return {}
    left = {scope: ledger.remaining_delta(scope) for scope in scopes_of(ledger, evidence)}
    own = person_scope(evidence.person, evidence.catalogue.people)
    if own in left and ledger.granted(own) == 0:  # what comes with her ration
        allowed = delta_allowance_of(evidence.catalogue.release.budget.delta)
        left[own] = DEFAULT_DELTA if allowed is None else allowed
    return left


def _noise(asked: PrivatePlan, evidence: Evidence) -> Noise:
    cost = asked.cost()
    errors: tuple[MeasureError, ...] = errors_of(asked, evidence)
    return Noise(
        mechanism=MECHANISMS[asked.mechanism] + (THRESHOLD if asked.unknown_keys is not None else ""),
        guarantee=(
            f"ρ = {in_rho(cost.nano_rho)} (zero-concentrated){_delta(cost.nano_delta)}, that is "
            f"ε = {cost.epsilon:.3f} at δ = {cost.delta:g}, for adding or removing all records of one "
            f"{evidence.catalogue.unit.singular}"
        ),
        errors=errors,
        bound=_bound(asked, evidence.catalogue.unit),
    )


def _delta(nano_delta: int) -> str:
    return f" and δ = {in_rho(nano_delta)} for keys that are not public" if nano_delta else ""


def _bound(asked: PrivatePlan, unit: UnitOfCount) -> str:
    """What a unit's contribution is bounded to, and which groups are told of; nothing where nothing is left out."""
    found = []
    if (least := asked.threshold()) is not None:
        found.append(
            f"Only groups are told of whose noisy number of {unit.plural} is {least} or more; of a group that is not "
            "there nothing is said, not even whether it exists."
        )
    if asked.by and (asked.unknown_keys is not None or asked.design.groups < max(1, _groups(asked))):
        groups = "one group" if asked.design.groups == 1 else f"{asked.design.groups} groups"
        found.append(
            f"Each {unit.singular} counts in {groups} at most. Where one belongs to more, the other groups' numbers "
            "are too low by it; the noise says nothing of that."
        )
    if any(series.kind != "units" for series in asked.design.series):
        rows = "one record" if asked.rows_per_unit == 1 else f"{asked.rows_per_unit} records"
        found.append(
            f"Each {unit.singular} counts with {rows} in a group at most: of one with more, their mean so often."
        )
    return " ".join(found)


def _groups(asked: PrivatePlan) -> int:
    groups = 1
    for domain in asked.design.domains:
        groups *= len(domain.values)
    return groups


def _finding(noise: Noise, asked: PrivatePlan, limit: str) -> Finding:
    return Finding(
        rule="differential privacy",
        verdict=Verdict.SAFE,
        sentence=f"Noise was added: with 95 % probability it is within {noise.in_words}. {noise.bound}".strip(),
        value=f"ρ = {in_rho(asked.cost().nano_rho)}",
        limit=limit,
        source=MECHANISM_SOURCE,
        fix="",
    )


def _added_up(consistent: Consistent) -> list[Finding]:
    """What was done to noisy tables so that they add up; all of it follows from noisy numbers."""
    return [
        Finding(
            rule="totals add up",
            verdict=Verdict.SAFE,
            sentence=(
                f"{name}: the noisy cells were made to add up, by least squares, without negative cells, in whole "
                f"numbers. {table.report.held_at_zero} cells were kept at zero, and whole numbers moved no cell by "
                f"more than {table.report.moved:.2f}. Each interval is right for what is published."
            ),
            value=f"{table.report.cells} cells",
            limit="every total is the sum of its parts",
            source=CONSISTENCY_SOURCE,
            fix="",
        )
        for name, table in consistent.items()
    ]


def _fix(asked: PrivatePlan, quote: Quote) -> str:
    left = min(quote.remaining.values(), default=0)
    if quote.fits:
        return "Ask for it when the error and the price suit you."
    if quote.nano_rho > left:
        return what_fits(asked, left)
    scope, least = min(quote.remaining_delta.items(), key=lambda each: each[1])
    return str(DeltaExceeded(scope, quote.nano_delta, least))


def _made_up(asked: PrivatePlan, quote: Quote, limit: str) -> Finding:
    left = min(quote.remaining.values())
    return Finding(
        rule="preview",
        verdict=Verdict.BLOCKED,
        sentence="These numbers are made up, to show the form of the answer. The data was not read; nothing was paid.",
        value=f"ρ = {in_rho(asked.cost().nano_rho)}",
        limit=f"ρ = {in_rho(left)} is left {limit.removeprefix('what is left ')}",
        source=MECHANISM_SOURCE,
        fix=_fix(asked, quote),
    )
