"""What a notebook does with a request in review, through the real service."""

from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from safe_outputs import conversation
from safe_outputs.client import releases
from safe_outputs.client.gate import Refused
from safe_outputs.client.releases import Sent
from tests.safe_outputs.factories import TODAY
from tests.safe_outputs.house import House, a_submitted_request, the_request
from tests.safe_outputs.web.browser import Session, sentence_of


@pytest.fixture
def sent(app: Flask, house: House, monkeypatch: pytest.MonkeyPatch) -> Sent:
    """rosa's request as her notebook holds it; its gate calls the service as a session's gate does."""
    session = Session(app, "rosa", "heron")

    def call(method: str, path: str, body: Any = None) -> Any:
        answer = session.call(method, path, body)
        if answer.status_code >= 400:
            raise Refused(sentence_of(answer), answer.status_code)
        return answer.get_json()

    monkeypatch.setattr(releases, "present_room", lambda: SimpleNamespace(gate=SimpleNamespace(call=call)))
    return Sent(call("GET", f"/requests/{a_submitted_request(house)}"))


def ask(house: House, request_id: str, text: str) -> None:
    house.do(
        lambda session: conversation.ask(
            session, the_request(session, request_id), checker="cleo", text=text, today=TODAY
        )
    )


def test_questions_are_seen_and_answered_one_after_the_other(house: House, sent: Sent) -> None:
    assert sent.questions == []
    assert "your move" not in repr(sent)
    for text in ("Which years?", "Which <sites>?"):
        ask(house, sent.id, text)
    assert sent.refresh().questions == ["Which years?", "Which <sites>?"]
    assert "It is your move: output checkers ask “Which years?”" in repr(sent)
    assert "&lt;sites&gt;" in sent._repr_html_()
    assert sent.answer("1974 to 1982.").questions == ["Which <sites>?"]
    assert sent.answer("All six.").questions == []


def test_there_is_nothing_to_answer_before_anybody_asked(sent: Sent) -> None:
    with pytest.raises(Refused, match="No question is open"):
        sent.answer("1974 to 1982.")
