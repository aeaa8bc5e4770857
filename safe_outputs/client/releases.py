"""Send statistics for release, and follow what becomes of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from safe_outputs.client.asking import Asked
from safe_outputs.client.files import File, hand_in, require_bounded
from safe_outputs.client.gate import Gate, Refused
from safe_outputs.client.notebook import notebook_facts
from safe_outputs.client.room import present_room
from safe_outputs.limits import MOST_EVIDENCE, MOST_FILES, why_too_many

Contents = Asked | File | Sequence[Asked | File]


@dataclass(frozen=True)
class Group:
    """What leaves together for one audience."""

    title: str
    contents: tuple[Asked | File, ...]
    context: str
    audience: str


def group(title: str, contents: Contents, *, context: str, audience: str = "publication") -> Group:
    """Statistics and files that leave together. Each audience gets its groups, and nothing of another's.

    Args:
        context: what this is and what it is for, so that somebody outside of the project understands it.
        audience: "publication" for everybody, "pre_publication" for a named team.
    """
    return Group(title, _several(contents), context, audience)


class Sent:
    """A release request of this session."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts

    @property
    def id(self) -> str:
        return str(self.facts["id"])

    @property
    def state(self) -> str:
        """The state when it was last asked for; `refresh` asks anew."""
        return str(self.facts["state"])

    def refresh(self) -> "Sent":
        """Ask for the present state."""
        self.facts = present_room().gate.call("GET", f"/requests/{self.id}")
        return self

    def submit(self, *, notebook: bool = True) -> "Sent":
        """Hand the request to the output checkers, with the notebook as it is saved now (unless told otherwise)."""
        gate = present_room().gate
        self.facts = gate.call("POST", f"/requests/{self.id}/submit", notebook_facts(gate, notebook))
        return self

    def withdraw(self) -> "Sent":
        """Take the request back for good."""
        self.facts = present_room().gate.call("POST", f"/requests/{self.id}/withdraw")
        return self

    @property
    def questions(self) -> list[str]:
        """What output checkers asked and nobody answered yet, when it was last asked for, oldest first."""
        return [str(each["text"]) for each in self._open()]

    def answer(self, text: str) -> "Sent":
        """Answer the oldest open question; the review then goes on.

        Raises:
            Refused: no question is open, or you cannot answer it.
        """
        self.refresh()
        question = self._open()[0]["id"] if self._open() else 0
        body = {"question": question, "text": text}
        self.facts = present_room().gate.call("POST", f"/requests/{self.id}/answers", body)
        return self

    def _open(self) -> list[dict[str, Any]]:
        return [each for each in self.facts["conversation"] if each["open"]]

    def edit(
        self,
        title: str,
        statistics: Contents = (),
        *,
        purpose: str,
        audience: str = "publication",
        groups: Sequence[Group] = (),
        evidence: Sequence[str | Path] = (),
    ) -> "Sent":
        """Replace what the request says and holds, while it is your move. Answers to the checklist stay."""
        gate, parts = present_room().gate, _groups(title, statistics, purpose, audience, groups)
        body = {"title": title, "purpose": purpose, **_contents(gate, parts, evidence)}
        self.facts = gate.call("PUT", f"/requests/{self.id}", body)
        return self

    @property
    def open_questions(self) -> list[str]:
        """The questions of the checklist that wait for your answer, each with its name."""
        return [f"{each['id']}: {each['text']}" for each in self._unanswered()]

    def check(self, **answers: str | bool) -> "Sent":
        """Answer questions of the checklist: True (or "yes") where a yes is wanted, words where it asks for words.

        Raises:
            Refused: it is not your move, or there is no such question.
        """
        said = {name: "yes" if each is True else "no" if each is False else each for name, each in answers.items()}
        self.facts = present_room().gate.call("PUT", f"/requests/{self.id}/checklist", {"answers": said})
        return self

    def _unanswered(self) -> list[dict[str, Any]]:
        return [each for each in self.facts["checklist"] if each["open"]]

    def __repr__(self) -> str:
        return f"Release request {self.id}, “{self.facts['title']}”: {self.facts['state_in_words']}.{self._asked()}"

    def _repr_html_(self) -> str:
        link = f'<a href="{escape(self.facts["url"])}" target="_blank">{escape(self.id)}</a>'
        title, state = escape(self.facts["title"]), escape(self.facts["state_in_words"])
        return f"<p>Release request {link}, “{title}”: {state}.{escape(self._asked())}</p>"

    def _asked(self) -> str:
        """The open questions, after the sentence on the state."""
        if self.state in {"draft", "changes_requested"} and self._unanswered():
            return f" It is not submitted: questions of the checklist are open. {_how_to_answer(self._unanswered())}"
        if not self.questions:
            return ""
        asked = " ".join(f"“{each}”" for each in self.questions)
        return f' It is your move: output checkers ask {asked} Say .answer("…").'


def request(
    title: str,
    statistics: Contents = (),
    *,
    purpose: str,
    audience: str = "publication",
    groups: Sequence[Group] = (),
    evidence: Sequence[str | Path] = (),
    checklist: Mapping[str, str | bool] | None = None,
    notebook: bool = True,
    submit: bool = True,
) -> Sent:
    """Ask for the release of these statistics and files.

    Args:
        statistics: what leaves, in one group; files are made with `so.file`.
        purpose: what they are and what they are for, for the output checkers and the public.
        audience: "publication" for everybody, "pre_publication" for a named team.
        groups: several groups (`so.group`), in place of `statistics` and `audience`.
        evidence: files that checkers see and that never leave: underlying counts, a codebook.
        checklist: answers by question; what is still open is shown, and the request stays a draft.
        notebook: False hands in no copy of the notebook, and the request says so.
        submit: False keeps a draft.

    Raises:
        Refused: with the reason and what to do next. What was handed in until then is no request.
    """
    gate, parts = present_room().gate, _groups(title, statistics, purpose, audience, groups)
    contents = _contents(gate, parts, evidence)
    body = {"title": title, "purpose": purpose, **contents, **notebook_facts(gate, notebook)}
    sent = Sent(gate.call("POST", "/requests", body))
    if checklist:
        sent.check(**checklist)
    if submit and not sent.open_questions:
        sent.facts = gate.call("POST", f"/requests/{sent.id}/submit")
    return sent


def _groups(
    title: str, statistics: Contents, purpose: str, audience: str, groups: Sequence[Group]
) -> tuple[Group, ...]:
    own = (Group(title, _several(statistics), purpose, audience),) if _several(statistics) or not groups else ()
    return (*own, *groups)


def _several(contents: Contents) -> tuple[Asked | File, ...]:
    return (contents,) if isinstance(contents, Asked | File) else tuple(contents)


def _contents(gate: Gate, groups: Sequence[Group], evidence: Sequence[str | Path]) -> dict[str, Any]:
    """The body's groups and evidence, once all of it is known to fit and every file was handed in."""
    files = [each for group in groups for each in group.contents if isinstance(each, File)]
    shown = [Path(each) for each in evidence]
    for number, most, what in ((len(files), MOST_FILES, "files"), (len(shown), MOST_EVIDENCE, "files as evidence")):
        if (reason := why_too_many(number, most, what)) is not None:
            raise Refused(reason, 422)
    require_bounded([*(each.path for each in files), *shown])
    return {
        "groups": [_group_body(gate, each) for each in groups],
        "evidence": [str(hand_in(gate, each, "evidence")["id"]) for each in shown],
    }


def _group_body(gate: Gate, group: Group) -> dict[str, Any]:
    return {
        "title": group.title,
        "context": group.context,
        "audience": group.audience,
        "statistics": [each.id for each in group.contents if isinstance(each, Asked)],
        "files": [
            {"file": str(hand_in(gate, each.path, "output")["id"]), "statement": each.statement}
            for each in group.contents
            if isinstance(each, File)
        ],
    }


def _how_to_answer(unanswered: Sequence[Mapping[str, Any]]) -> str:
    """Every open question, and the call that answers them."""
    asked = " ".join(f"{each['id']}: {each['text']}" for each in unanswered)
    given = ", ".join(f"{each['id']}={'“…”' if each['explain'] else 'True'}" for each in unanswered)
    return f"{asked} Say .check({given}).submit(), and change the request where the answer is no."
