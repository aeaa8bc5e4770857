"""Send statistics for release, and follow what becomes of them."""

from collections.abc import Sequence
from html import escape
from typing import Any

from safe_outputs.client.asking import Asked
from safe_outputs.client.room import present_room


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

    def submit(self) -> "Sent":
        """Hand the request to the output checkers."""
        self.facts = present_room().gate.call("POST", f"/requests/{self.id}/submit")
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

    def edit(self, title: str, statistics: Sequence[Asked], *, purpose: str, audience: str) -> "Sent":
        """Replace what the request says and holds, while it is your move."""
        body = _body(title, statistics, purpose, audience)
        self.facts = present_room().gate.call("PUT", f"/requests/{self.id}", body)
        return self

    def __repr__(self) -> str:
        return f"Release request {self.id}, “{self.facts['title']}”: {self.facts['state_in_words']}.{self._asked()}"

    def _repr_html_(self) -> str:
        link = f'<a href="{escape(self.facts["url"])}" target="_blank">{escape(self.id)}</a>'
        title, state = escape(self.facts["title"]), escape(self.facts["state_in_words"])
        return f"<p>Release request {link}, “{title}”: {state}.{escape(self._asked())}</p>"

    def _asked(self) -> str:
        """The open questions, after the sentence on the state."""
        if not self.questions:
            return ""
        asked = " ".join(f"“{each}”" for each in self.questions)
        return f' It is your move: output checkers ask {asked} Say .answer("…").'


def request(
    title: str,
    statistics: Asked | Sequence[Asked],
    *,
    purpose: str,
    audience: str = "publication",
    submit: bool = True,
) -> Sent:
    """Ask for the release of these statistics.

    Args:
        purpose: what they are and what they are for, for the output checkers and the public.
        audience: "publication" for everybody, "pre_publication" for a named team.
        submit: False keeps a draft.

    Raises:
        Refused: with the reason and what to do next.
    """
    several = [statistics] if isinstance(statistics, Asked) else list(statistics)
    sent = Sent(present_room().gate.call("POST", "/requests", _body(title, several, purpose, audience)))
    return sent.submit() if submit else sent


def _body(title: str, statistics: Sequence[Asked], purpose: str, audience: str) -> dict[str, Any]:
    return {
        "title": title,
        "purpose": purpose,
        "audience": audience,
        "statistics": [each.id for each in statistics],
    }
