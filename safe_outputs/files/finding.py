"""How findings on files are worded: always for a person to judge, with positions and counts and never a value."""

from safe_outputs.answers import Finding, Verdict

SOURCE = "Saferoom, docs/files.md"


def finding(
    rule: str, sentence: str, *, value: str = "found", limit: str = "none", fix: str = "", source: str = SOURCE
) -> Finding:
    """A finding that refers the file to a person."""
    return Finding(
        rule=rule, verdict=Verdict.REFER, sentence=sentence, value=value, limit=limit, source=source, fix=fix
    )


def times(number: int, thing: str) -> str:
    """“1 line”, “2,000 lines”."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


MADE_BY_A_PERSON = finding(
    "made by a person",
    "A person made this file; no rule has computed its numbers anew. Whether it may leave is for a person to judge.",
    value="manual",
    limit="verified",
    source="Saferoom, design of the checks: provenance grades",
    fix="Ask for the statistic itself: then it is computed and checked, and may need nobody’s judgement.",
)
