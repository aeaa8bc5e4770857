"""From a plan and its evidence to a stored answer. No number in it comes from a kernel (I2)."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from datasets.engines import Workspace, opened_copy
from disclosure_control.privacy.ledger import Ledger
from safe_outputs.answers import Answer, Charge, Finding, Noise, Quote, ReleaseFile, TableOfCells, worst
from safe_outputs.checker import disclosure_stage, privacy_stage
from safe_outputs.checker.evidence import Evidence
from safe_outputs.checker.files import table_as_csv
from safe_outputs.evidence.standing import Standing
from safe_outputs.evidence.underlying import Underlying, keep
from safe_outputs.releases import release_policy
from safe_outputs.statistics import Crosstab, Private, canonical, in_words, plan_hash
from safe_outputs.store import Store

ALONE = Workspace()
"""Little memory, and no temporary folder."""
SOFTWARE = ("saferoom", "duckdb", "opendp", "pandas")


@dataclass(frozen=True)
class Computed:
    """What the stages made of a plan."""

    table: TableOfCells
    findings: list[Finding]
    noise: Noise | None = None
    charge: Charge | None = None
    exemption: str | None = None
    preview: Quote | None = None
    underlying: Underlying | None = None


@dataclass(frozen=True)
class Answered:
    """An answer, and the hash of what lies behind it in the store; of a private statistic there is none."""

    answer: Answer
    underlying: str | None


def compute(
    plan: Crosstab | Private,
    evidence: Evidence,
    store: Store,
    ledger: Ledger,
    workspace: Workspace = ALONE,
    still_allowed: Callable[[], None] = lambda: None,
) -> Answered:
    """The answer to a plan; the file that would leave, and the counts behind it, are in the store when this returns.

    `still_allowed` is asked after a charge and before the data is read: it raises where a right has ended since.

    Raises:
        NotPermitted, MalformedPlan: the policy or the catalogue does not allow it.
        DisclosureControlError: nobody in the population, no budget left, an unproven mechanism.
    """
    audiences = release_policy.permitted(plan, evidence.catalogue)
    done = _stages(plan, evidence, ledger, workspace, still_allowed)
    content = table_as_csv(done.table)
    name = "-".join([plan.kind, *(column.name for column in done.table.dimensions)])
    answer = Answer(
        plan=plan,
        plan_hash=plan_hash(plan),
        provenance="verified",
        in_words=in_words(plan, evidence.catalogue.unit.plural),
        source=evidence.source,
        unit=evidence.catalogue.unit.plural,
        profile=evidence.profile_used(),
        verdict=worst([finding.verdict for finding in done.findings]),
        findings=tuple(done.findings),
        table=done.table,
        noise=done.noise,
        charge=done.charge,
        exemption=done.exemption,
        preview=done.preview,
        policy=release_policy.policy_used(plan, evidence.catalogue),
        standing="" if done.preview is not None else _standing(ledger, evidence),
        audiences=audiences,
        checkers=evidence.catalogue.release.checkers,
        file=ReleaseFile(name=f"{name}.csv", media_type="text/csv", digest=store.put(content), size=len(content)),
        software={each: version(each) for each in SOFTWARE},
    )
    return Answered(answer, None if done.underlying is None else keep(store, done.underlying))


def _stages(
    plan: Crosstab | Private,
    evidence: Evidence,
    ledger: Ledger,
    workspace: Workspace,
    still_allowed: Callable[[], None],
) -> Computed:
    if isinstance(plan, Private) and plan.preview:
        table, findings, noise, quote = privacy_stage.preview(ledger, plan, evidence)
        return Computed(table, findings, noise, preview=quote)
    with opened_copy(evidence.path, workspace) as connection:
        match plan:
            case Crosstab():
                table, findings, behind = disclosure_stage.protected_table(connection, plan, evidence)
                privacy_stage.record_exact(ledger, plan, evidence)
                return Computed(table, findings, exemption=privacy_stage.exemption(evidence), underlying=behind)
            case Private():
                return Computed(*privacy_stage.private_table(connection, ledger, plan, evidence, still_allowed))


def _standing(ledger: Ledger, evidence: Evidence) -> str:
    """What is promised to the units after this statistic, in words."""
    guarantee = ledger.guarantee(privacy_stage.dataset_scope(evidence.catalogue.people))
    return Standing.of(guarantee).in_words(evidence.catalogue.unit.plural)


def stored(answer: Answer, store: Store) -> str:
    """Keep the answer's canonical JSON; returns its digest."""
    return store.put(canonical(answer.model_dump(mode="json")))
