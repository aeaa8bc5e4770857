"""What is to say of a request's files: that people have to judge them, and what bytes and statements give away."""

from safe_outputs.answers import Finding, Verdict
from safe_outputs.contents.statements import FileStatement
from safe_outputs.contents.statements import findings as of_statement
from safe_outputs.models import ReleaseRequest, RequestFile


def of_files(request: ReleaseRequest) -> list[Finding]:
    """The findings on the files that would leave. Any file refers its request to a person, whatever it is."""
    if not request.files:
        return []
    return [_made_by_people(len(request.files)), *(each for file in request.files for each in of_file(file))]


def of_file(file: RequestFile) -> list[Finding]:
    """What was found in the bytes of one file, and what its author's numbers say."""
    found = [Finding.model_validate(each) for each in file.file.findings]
    return [*found, *of_statement(FileStatement.model_validate(file.statement), f"file {file.position}")]


def _made_by_people(files: int) -> Finding:
    subject = "1 file was" if files == 1 else f"{files:,} files were"
    return Finding(
        rule="manual file",
        verdict=Verdict.REFER,
        sentence=f"{subject} made by people, and no rule has computed anything in it anew. An output checker has to "
        "judge it by what it shows and what its author states.",
        value="provenance manual",
        limit="statistics that Saferoom computes",
        source="Saferoom, docs/review.md: files are never released by rule alone",
        fix="Ask for a statistic that says the same.",
    )
