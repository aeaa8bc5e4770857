"""What an e-mail says, and that nobody's text can add a header, a recipient or a line."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.addresses import require_address
from governance.errors import Invalid
from safe_outputs.notifications.kinds import Choice, Kind
from safe_outputs.notifications.message import MOST, Letterhead, compose
from safe_outputs.notifications.models import Notification, OutgoingMail

HEAD = Letterhead("saferoom@example.org", "https://saferoom.example.org/services/outputs/", UTC)
AT = datetime(2026, 11, 26, 1, 20, tzinfo=UTC)


def a_mail(token: str = "0" * 24) -> OutgoingMail:
    return OutgoingMail(id=1, person="rosa", token=token, made_at=AT, tries=1)


def told(number: int = 1, subject: str = "r-1") -> list[Notification]:
    return [
        Notification(person="rosa", kind=Kind.QUESTION, subject=subject, project_id="heron", at=AT, email=Choice.NOW)
        for _ in range(number)
    ]


def test_a_message_has_the_sentence_the_link_and_nothing_else() -> None:
    message = compose(HEAD, a_mail(), "rosa@example.org", told())
    assert str(message["Subject"]) == "Saferoom: 1 notification"
    assert message["Message-ID"] == f"<{'0' * 24}@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().splitlines()[:2] == [
        "An output checker asks something about request r-1 of project heron.",
        "https://saferoom.example.org/services/outputs/requests/r-1",
    ]
    assert message.as_bytes() == compose(HEAD, a_mail(), "rosa@example.org", told()).as_bytes()


def test_a_message_stays_short_however_much_there_is() -> None:
    text = compose(HEAD, a_mail(), "rosa@example.org", told(MOST + 7)).get_content()
    assert text.count("asks something") == MOST and "7 more are here" in text


@pytest.mark.parametrize(
    "address",
    [
        "",
        "rosa",
        "rosa@",
        "@example.org",
        "rosa@example.org\nBcc: eve@example.org",
        "rosa@example.org\r\n",
        "rosa@example.org, eve@example.org",
        "Rosa <rosa@example.org>",
        '"a b"@example.org',
        "rosa@exa mple.org",
        "rosa@-example.org",
        "rósa@example.org",
        "rosa@example.org\x00",
        ".rosa@example.org",
        f"{'r' * 250}@example.org",
    ],
)
def test_what_could_break_a_header_is_no_address(address: str) -> None:
    with pytest.raises(Invalid, match="no e-mail address"):
        require_address(address)


@given(st.text(max_size=60), st.sampled_from(["{}@example.org", "rosa@{}", "rosa@example.org{}", "{}"]))
def test_every_address_that_is_taken_makes_a_message_to_it_alone(text: str, form: str) -> None:
    try:
        address = require_address(form.format(text))
    except Invalid:
        return
    message = compose(HEAD, a_mail(), address, told())
    assert [each.addr_spec for each in message["To"].addresses] == [address]
    head = message.as_bytes().partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").split(b"\r\n")
    assert sorted(line.partition(b":")[0] for line in head) == sorted(
        b"From To Subject Date Message-ID Auto-Submitted MIME-Version Content-Type Content-Transfer-Encoding".split()
    )
