"""From a plan and its evidence to a stored answer. No number in it comes from a kernel (I2)."""

from dataclasses import dataclass
from importlib.metadata import version

from datasets.engines import open_copy
from disclosure_control.privacy.ledger import Ledger
from safe_outputs.answers import Answer, Charge, Finding, Noise, ReleaseFile, TableOfCells, worst
from safe_outputs.checker import disclosure_stage, privacy_stage
from safe_outputs.checker.evidence import Evidence
from safe_outputs.checker.files import table_as_csv
from safe_outputs.statistics import Crosstab, PrivateCount, canonical, in_words, plan_hash
from safe_outputs.store import Store

SOFTWARE = ("saferoom", "duckdb", "opendp", "pandas")


@dataclass(frozen=True)
class Computed:
    """What the stages made of a plan."""

    table: TableOfCells
    findings: list[Finding]
    noise: Noise | None = None
    charge: Charge | None = None
    exemption: str | None = None


def compute(plan: Crosstab | PrivateCount, evidence: Evidence, store: Store, ledger: Ledger, salt: str) -> Answer:
    """The answer to a plan; the file that would leave is in the store when this returns.

    Raises:
        NotPermitted, MalformedPlan: the policy or the catalogue does not allow it.
        DisclosureControlError: nobody in the population, no budget left, an unproven mechanism.
    """
    audiences = privacy_stage.permitted_audiences(plan, evidence)
    done = _stages(plan, evidence, ledger, salt)
    content = table_as_csv(done.table)
    name = "-".join([plan.kind, *(column.name for column in done.table.dimensions)])
    return Answer(
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
        audiences=audiences,
        checkers=evidence.catalogue.release.checkers,
        file=ReleaseFile(name=f"{name}.csv", media_type="text/csv", digest=store.put(content), size=len(content)),
        software={each: version(each) for each in SOFTWARE},
    )


def _stages(plan: Crosstab | PrivateCount, evidence: Evidence, ledger: Ledger, salt: str) -> Computed:
    with open_copy(evidence.path) as connection:
        match plan:
            case Crosstab():
                table, findings = disclosure_stage.protected_table(connection, plan, evidence)
                privacy_stage.record_exact(ledger, plan, evidence)
                return Computed(table, findings, exemption=privacy_stage.exemption(evidence))
            case PrivateCount():
                request = f"{evidence.project_id}/{plan_hash(plan)}/{evidence.source.version_digest}"
                return Computed(
                    *privacy_stage.private_table(connection, ledger, plan, evidence, salt=salt, request=request)
                )


def stored(answer: Answer, store: Store) -> str:
    """Keep the answer's canonical JSON; returns its digest."""
    return store.put(canonical(answer.model_dump(mode="json")))
