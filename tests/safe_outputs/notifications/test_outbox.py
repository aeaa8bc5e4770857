"""E-mail to a real server: sent once, tried again, given up, and never in anybody's way."""

import socket
import ssl
import subprocess
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from governance.database import reading
from governance.people import Person
from governance.preferences import Preference
from safe_outputs.notifications import outbox, telling
from safe_outputs.notifications.kinds import Kind
from safe_outputs.notifications.message import Letterhead
from safe_outputs.notifications.models import OutgoingMail
from safe_outputs.notifications.outbox import MOST_TRIES, send_waiting, this_morning, wait_after
from safe_outputs.notifications.post import MailFolder, Security, SmtpServer
from tests.safe_outputs.house import House, a_submitted_request, cast_vote
from tests.safe_outputs.notifications.smtp import PASSWORD, Inbox, authenticate, mail_server

HEAD = Letterhead("saferoom@example.org", "https://saferoom.example.org/services/outputs/", UTC)
NEVER = timedelta(days=365)


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def server(port: int) -> SmtpServer:
    """How the house reaches its mail server; a test starts it, or does not."""
    return SmtpServer("127.0.0.1", port, Security.NONE, seconds=2)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The present moment, to be put forward."""
    times = [datetime(2026, 11, 25, 12, 0, tzinfo=UTC)]
    for module in (outbox, telling):
        monkeypatch.setattr(module, "now", lambda: times[-1])
    return times


@pytest.fixture
def waiting(house: House, clock: list[datetime]) -> House:
    """One message to rosa waits."""
    house.do(lambda session: session.add(Preference(person_name="rosa", email="rosa@example.org")))
    tell(house)
    return house


def tell(house: House, kind: Kind = Kind.RETURNED, who: str = "rosa") -> None:
    house.do(lambda session: telling.tell(session, kind, [who], subject="r-1", project="heron"))


def mails(house: House) -> list[OutgoingMail]:
    with reading(house.engine) as session:
        return list(session.scalars(select(OutgoingMail).order_by(OutgoingMail.id)))


def test_a_message_is_sent_once(waiting: House, server: SmtpServer, inbox: Inbox, port: int) -> None:
    with mail_server(inbox, port):
        assert [send_waiting(waiting.engine, server, HEAD) for _ in range(3)] == [1, 0, 0]
    (message,) = inbox.taken
    assert inbox.recipients == [["rosa@example.org"]]
    assert "Request r-1 of project heron came back" in message.get_content()
    assert mails(waiting)[0].sent_at is not None


def test_a_server_that_is_not_there_loses_nothing_and_is_tried_later(
    waiting: House, server: SmtpServer, inbox: Inbox, port: int, clock: list[datetime]
) -> None:
    assert send_waiting(waiting.engine, server, HEAD) == 0
    assert mails(waiting)[0].tries == 0, "nobody tried this message: the server was not reached"
    with mail_server(inbox, port):
        assert send_waiting(waiting.engine, server, HEAD) == 1


def test_a_message_that_is_put_off_is_tried_again_later_and_later(
    waiting: House, server: SmtpServer, inbox: Inbox, port: int, clock: list[datetime]
) -> None:
    inbox.answer = "451 Greylisted, try again"
    with mail_server(inbox, port):
        assert send_waiting(waiting.engine, server, HEAD) == 0
        assert send_waiting(waiting.engine, server, HEAD) == 0
        assert mails(waiting)[0].tries == 1, "not before its time"
        clock.append(clock[-1] + wait_after(1))
        inbox.answer = "250 OK"
        assert send_waiting(waiting.engine, server, HEAD) == 1
    assert [mail.tries for mail in mails(waiting)] == [2]


def test_waits_grow_to_a_limit() -> None:
    waits = [wait_after(tries) for tries in range(1, MOST_TRIES + 1)]
    assert waits == sorted(waits) and waits[0] == timedelta(minutes=1) and waits[-1] == timedelta(hours=6)
    assert timedelta(days=2) < sum(waits[:-1], timedelta()) < timedelta(days=3)


def test_what_is_put_off_for_days_is_given_up(
    waiting: House, server: SmtpServer, inbox: Inbox, port: int, clock: list[datetime]
) -> None:
    inbox.answer = "451 Not now"
    with mail_server(inbox, port):
        for _ in range(MOST_TRIES + 3):
            send_waiting(waiting.engine, server, HEAD)
            clock.append(clock[-1] + timedelta(hours=7))
    (mail,) = mails(waiting)
    assert mail.tries == MOST_TRIES and mail.given_up_at is not None and mail.next_try_at is None


@pytest.mark.parametrize("how", ["recipient", "content"])
def test_what_is_refused_for_good_is_not_tried_again_and_holds_up_no_other(
    waiting: House, server: SmtpServer, inbox: Inbox, port: int, how: str
) -> None:
    waiting.do(lambda session: session.add(Preference(person_name="cleo", email="cleo@example.org")))
    tell(waiting, Kind.ASSIGNED, "cleo")
    if how == "recipient":
        inbox.refuse_recipient = "550 No such user"
    else:
        inbox.answer = "554 Looks like spam"
    with mail_server(inbox, port):
        assert send_waiting(waiting.engine, server, HEAD) == 0
    assert [mail.given_up_at is not None for mail in mails(waiting)] == [True, True]


def test_a_server_that_is_killed_with_the_message_in_its_hands_gets_it_again(
    waiting: House, server: SmtpServer, inbox: Inbox, port: int, clock: list[datetime]
) -> None:
    """It had the message and could not say so: it comes once more, and can be known by its Message-ID."""

    def die() -> None:
        raise ConnectionResetError

    inbox.before_answer = die
    inbox.answer = "250 OK"
    with mail_server(inbox, port):
        send_waiting(waiting.engine, server, HEAD)
    clock.append(clock[-1] + timedelta(hours=1))
    inbox.before_answer = lambda: None
    with mail_server(inbox, port):
        assert send_waiting(waiting.engine, server, HEAD) == 1
    assert len(inbox.taken) == 2
    assert len({str(each["Message-ID"]) for each in inbox.taken}) == 1


def test_a_process_that_is_killed_before_it_could_note_the_sending_uses_the_same_id(
    waiting: House, server: SmtpServer, inbox: Inbox, port: int, clock: list[datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(send, message) -> None:
        send(message)
        raise Killed

    real = SmtpServer.opened

    class Dying(SmtpServer):
        def opened(self):
            @contextmanager
            def dying():
                with real(self) as send:
                    yield lambda message: killed(send, message)

            return dying()

    with mail_server(inbox, port):
        with pytest.raises(Killed):
            send_waiting(waiting.engine, Dying("127.0.0.1", port, Security.NONE), HEAD)
        assert send_waiting(waiting.engine, server, HEAD) == 0, "not at once: it may have arrived"
        clock.append(clock[-1] + timedelta(hours=1))
        assert send_waiting(waiting.engine, server, HEAD) == 1
        clock.append(clock[-1] + timedelta(days=30))
        assert send_waiting(waiting.engine, server, HEAD) == 0
    assert len({str(each["Message-ID"]) for each in inbox.taken}) == 1


def test_a_slow_server_holds_no_transaction(waiting: House, inbox: Inbox, port: int) -> None:
    """While it makes the sender wait, a vote is written; what takes too long is put off."""
    votes: list[float] = []
    request = a_submitted_request(waiting)

    def vote_meanwhile() -> None:
        began = time.monotonic()
        cast_vote(waiting, request, "cleo")
        votes.append(time.monotonic() - began)

    inbox.before_answer = vote_meanwhile
    inbox.seconds = 0.2
    with mail_server(inbox, port):
        assert send_waiting(waiting.engine, SmtpServer("127.0.0.1", port, Security.NONE, seconds=20), HEAD) == 1
    assert len(votes) == 1 and votes[0] < 10


def test_a_server_that_says_nothing_is_given_up_in_time(waiting: House, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        began = time.monotonic()
        silent = SmtpServer("127.0.0.1", port, Security.NONE, seconds=0.3)
        assert send_waiting(waiting.engine, silent, HEAD) == 0
        assert time.monotonic() - began < 10
    assert mails(waiting)[0].next_try_at is not None


def test_who_has_no_address_or_standing_any_more_gets_nothing(
    waiting: House, server: SmtpServer, inbox: Inbox, port: int
) -> None:
    waiting.do(lambda session: session.add(Preference(person_name="cleo", email="cleo@example.org")))
    tell(waiting, Kind.ASSIGNED, "cleo")
    past = datetime(2020, 1, 1, tzinfo=UTC).date()
    waiting.do(lambda session: setattr(session.get(Person, "rosa"), "accredited_until", past))
    waiting.do(lambda session: setattr(session.get(Preference, "cleo"), "email", None))
    with mail_server(inbox, port):
        assert send_waiting(waiting.engine, server, HEAD) == 0
    assert inbox.taken == [] and all(mail.given_up_at for mail in mails(waiting))


def test_daily_messages_come_once_a_day_with_what_is_not_read(
    waiting: House, server: SmtpServer, inbox: Inbox, port: int, clock: list[datetime]
) -> None:
    paris = replace(HEAD, zone=ZoneInfo("Europe/Paris"))
    clock.append(datetime(2026, 11, 26, 5, 0, tzinfo=UTC))
    waiting.do(lambda session: telling.mark_read(session, "rosa", up_to=10**6))
    waiting.do(lambda session: telling.choose(session, "rosa", dict.fromkeys([Kind.QUESTION, Kind.LAPSED], "daily")))
    for kind in (Kind.QUESTION, Kind.LAPSED, Kind.QUESTION):
        tell(waiting, kind)
    with mail_server(inbox, port):
        send_waiting(waiting.engine, server, paris)
        before = len(inbox.taken)
        clock.append(datetime(2026, 11, 26, 5, 59, tzinfo=UTC))
        assert send_waiting(waiting.engine, server, paris) == 0
        clock.append(datetime(2026, 11, 26, 6, 0, 1, tzinfo=UTC))  # seven in Paris
        tell(waiting, Kind.LAPSED)
        assert [send_waiting(waiting.engine, server, paris) for _ in range(2)] == [1, 0]
        clock.append(datetime(2026, 11, 27, 6, 0, 1, tzinfo=UTC))
        assert send_waiting(waiting.engine, server, paris) == 1
    first, second = inbox.taken[before:]
    assert str(first["Subject"]) == "Saferoom: 3 notifications"
    assert str(second["Subject"]) == "Saferoom: 1 notification"


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        ("2026-10-25T05:59", "2026-10-24T05:00"),  # clocks were put back in the night: seven is six in UTC
        ("2026-10-25T06:00", "2026-10-25T06:00"),
        ("2026-03-29T04:59", "2026-03-28T06:00"),
        ("2026-03-29T05:00", "2026-03-29T05:00"),
    ],
)
def test_the_morning_is_the_zones(present: str, expected: str) -> None:
    moment = datetime.fromisoformat(present).replace(tzinfo=UTC)
    assert this_morning(moment, ZoneInfo("Europe/Paris")).astimezone(UTC) == datetime.fromisoformat(expected).replace(
        tzinfo=UTC
    )


def test_a_folder_takes_each_message_once(waiting: House, tmp_path: Path) -> None:
    folder = MailFolder(tmp_path / "mail")
    assert [send_waiting(waiting.engine, folder, HEAD) for _ in range(2)] == [1, 0]
    (file,) = (tmp_path / "mail").glob("*.eml")
    assert b"came back to its author" in file.read_bytes() and file.stat().st_mode & 0o077 == 0


# ---------------------------------------------------------------------------------------------- TLS and passwords


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    made, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"],
            *["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(made)],
        ],
        check=True,
        capture_output=True,
    )
    return made, key


@pytest.mark.parametrize("known", [True, False])
def test_a_server_that_is_not_known_gets_neither_password_nor_message(
    waiting: House, inbox: Inbox, port: int, certificate: tuple[Path, Path], known: bool
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    asked: list[bool] = []

    def password() -> str:
        asked.append(True)
        return PASSWORD

    server = SmtpServer(
        "127.0.0.1",
        port,
        Security.STARTTLS,
        user="saferoom",
        password=password,
        authorities=certificate[0] if known else None,
        seconds=5,
    )
    facts = {"tls_context": context, "authenticator": authenticate, "auth_required": True}
    with mail_server(inbox, port, **facts):
        assert send_waiting(waiting.engine, server, HEAD) == int(known)
    assert bool(asked) == bool(inbox.taken) == known


def test_a_server_that_offers_no_tls_gets_nothing(waiting: House, inbox: Inbox, port: int) -> None:
    with mail_server(inbox, port):
        assert send_waiting(waiting.engine, SmtpServer("127.0.0.1", port, Security.STARTTLS, seconds=5), HEAD) == 0
    assert inbox.taken == []


def test_no_error_tells_the_address_or_the_servers_words(
    waiting: House, server: SmtpServer, inbox: Inbox, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    inbox.refuse_recipient = "550 rosa@example.org is unknown here"
    with mail_server(inbox, port):
        send_waiting(waiting.engine, server, HEAD)
    assert "code 550" in caplog.text and "rosa" not in caplog.text
