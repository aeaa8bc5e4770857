"""The requester's checklist: what only she can know, asked by what her request holds.

Statistics that the checker computed itself (`verified`) are asked nothing: units, thresholds, lists of persons and
earlier releases are answered by the plan, the findings and the register. Files, and statistics from a frame that a
researcher derived, are the author's word, so that she gives it for each point on which reviews of others were lost.
A version of the questions is never edited: a change is another version, and approvals are bound to the one answered.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from safe_outputs.errors import MalformedRequest
from safe_outputs.statistics import canonical
from safe_outputs.store import digest_of

YES = "yes"
LONGEST_ANSWER = 2000
MOST_ANSWERS = 50


@dataclass(frozen=True)
class Question:
    """`asked_for`: what in a request makes it asked. `explain`: it wants words; others want a yes."""

    id: str
    text: str
    asked_for: frozenset[str]
    explain: bool
    source: str


@dataclass(frozen=True)
class Asked:
    """A question with what was answered; `open` while that is not an answer to it."""

    id: str
    text: str
    explain: bool
    source: str
    answer: str
    open: bool


_FILES = frozenset({"counts", "magnitudes", "figure", "model"})
_ANY = _FILES | {"code", "text", "derived"}

VERSION = "1"
QUESTIONS: dict[str, tuple[Question, ...]] = {
    "1": (
        Question(
            "units",
            "Are units counted as persons (or households, businesses), and not as rows?",
            _FILES | {"derived"},
            False,
            "ONS Secure Research Service: at least 10 unweighted contributors; a person can have many rows",
        ),
        Question(
            "individuals",
            "Is there nothing about a single person: no list, identifier, exact date, outlier, minimum or maximum?",
            _ANY,
            False,
            "Handbook on Statistical Disclosure Control for Outputs (SDAP, 2019); OpenSAFELY, docs/outputs/sdc.md",
        ),
        Question(
            "outsider",
            "Can somebody outside of the project understand each part from its title, context and statement alone?",
            _ANY,
            False,
            "OpenSAFELY output checking: missing context is a main reason for returns",
        ),
        Question(
            "earlier",
            "Which earlier outputs, released or asked for, show nearly the same people, and how do they differ?",
            _FILES | {"derived"},
            True,
            "ABS DataLab rule of 10: differences below 10 must not be derivable from outputs together",
        ),
        Question(
            "only_way",
            "Why can none of Saferoom’s statistics say what the files say?",
            _FILES,
            True,
            "Saferoom: a file is judged by people alone; a statistic is computed anew, checked and protected",
        ),
        Question(
            "parts",
            "Does every point, bar, outlier mark and end of an axis stand for enough units?",
            frozenset({"figure"}),
            False,
            "Handbook on Statistical Disclosure Control for Outputs (SDAP, 2019), graphs; ACRO blocks .svg and .gph",
        ),
        Question(
            "model",
            "Is the model not saturated, and are there no residuals, fitted values or weights of single units?",
            frozenset({"model"}),
            False,
            "ACRO, acro/default.yaml: residual degrees of freedom of at least 10; SDAP handbook, regressions",
        ),
        Question(
            "code",
            "Does the code hold no value from the data: no identifier, date, place or count, in comments neither?",
            frozenset({"code"}),
            False,
            "ONS, getting your research outputs approved: clearance of code files",
        ),
    ),
}


def questions(holds: frozenset[str]) -> tuple[Question, ...]:
    """The questions of the present version that a request is asked. `holds`: kinds of output, and `derived`."""
    return tuple(each for each in QUESTIONS[VERSION] if each.asked_for & holds)


def asked(holds: frozenset[str], kept: Mapping[str, Any] | None) -> tuple[Asked, ...]:
    """Each question that is asked, with its answer. Answers to another version of the questions are none."""
    answers = kept["answers"] if kept is not None and kept["version"] == VERSION else {}
    return tuple(
        Asked(each.id, each.text, each.explain, each.source, answer, not _is_answer(each, answer))
        for each in questions(holds)
        for answer in [str(answers.get(each.id, ""))]
    )


def shown(holds: frozenset[str], kept: Mapping[str, Any] | None) -> tuple[Asked, ...]:
    """For readers: the questions that are asked; of another version those that were answered, as they were."""
    if kept is None or kept["version"] == VERSION:
        return asked(holds, kept)
    known = {each.id: each for each in QUESTIONS.get(kept["version"], ())}
    return tuple(
        Asked(name, known[name].text, known[name].explain, known[name].source, text, not _is_answer(known[name], text))
        for name, text in kept["answers"].items()
        if name in known
    )


def _is_answer(question: Question, answer: str) -> bool:
    return bool(answer.strip()) and (question.explain or answer.strip().lower() == YES)


def why_not_whole(holds: frozenset[str], kept: Mapping[str, Any] | None) -> str | None:
    """Why a request cannot be submitted with these answers, with what is open and how to answer; None if it can."""
    wanting = [each for each in asked(holds, kept) if each.open]
    if not wanting:
        return None
    listed = " ".join(f"{each.id}: {each.text}" for each in wanting)
    given = ", ".join(f"{each.id}={'“…”' if each.explain else repr(YES)}" for each in wanting)
    return (
        f"The checklist of this request has open questions, so it was not submitted. {listed} "
        f"Answer in the notebook with .check({given}), or on the request’s page; where the answer is no, "
        "change the request."
    )


def kept_answers(answers: Mapping[str, str], before: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What is stored: answers with the version of the questions; those of before where the new ones say nothing.

    Raises:
        MalformedRequest: an answer is to no question, or too long.
    """
    known = {each.id for each in QUESTIONS[VERSION]}
    if unknown := sorted(set(answers) - known):
        listed = ", ".join(each.id for each in QUESTIONS[VERSION])
        raise MalformedRequest(f"The checklist has no question “{unknown[0][:40]}”. It has: {listed}.")
    if any(len(each) > LONGEST_ANSWER for each in answers.values()):
        raise MalformedRequest(f"An answer to the checklist has at most {LONGEST_ANSWER:,} characters.")
    if not answers:
        return dict(before) if before is not None else None
    earlier = before["answers"] if before is not None and before["version"] == VERSION else {}
    together = {**earlier, **{name: text.strip() for name, text in answers.items()}}
    return {
        "version": VERSION,
        "answers": {each.id: together[each.id] for each in QUESTIONS[VERSION] if each.id in together},
    }


def digest(kept: Mapping[str, Any] | None) -> str:
    """The hash of the questions that were answered, as the code has them now; “none” where it has them no longer."""
    found = None if kept is None else QUESTIONS.get(str(kept["version"]))
    if found is None:
        return "none"
    return digest_of(canonical([{**asdict(each), "asked_for": sorted(each.asked_for)} for each in found]))
