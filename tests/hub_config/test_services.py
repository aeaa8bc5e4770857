"""What each service of the hub is told, and the secrets that it is not."""

import argparse
import dataclasses
import stat
from pathlib import Path

import pytest

from datasets.ingress import requests
from datasets.ingress.models import IngressRequest
from datasets.ingress.scan import File
from governance.database import now, transaction
from hub_config import services
from hub_config.secrets import Secret, UnsafeSecret
from hub_config.wsgi import web_settings
from safe_outputs.notifications.post import SmtpServer
from safe_outputs.package.keys import SigningKey
from safe_outputs.store import Store
from tests.hub_config.house import House


def told(settings: object, house: House) -> set[Secret]:
    """The secrets whose text is somewhere in a settings object."""
    values = [str(getattr(settings, field.name)) for field in dataclasses.fields(settings)]  # type: ignore[arg-type]
    return {secret for secret in Secret if any(house.secrets.text(secret) in value for value in values)}


def test_checker_is_told_the_ledgers_key_alone(house: House) -> None:
    settings = services.checker_settings(house.settings)
    assert settings.ledger_key == house.secrets.ledger
    assert told(settings, house) == set()


def test_only_the_checker_can_sign_releases_with_the_key_of_the_moment(house: House) -> None:
    settings = services.checker_settings(house.settings)
    assert settings.release_key().public == SigningKey(house.secrets.release).public
    renewed = house.secrets.renew_release()
    assert settings.release_key().public == SigningKey(renewed).public
    web = web_settings(house.settings)
    assert not any("release_key" in field.name for field in dataclasses.fields(web))


def test_outputs_service_is_told_its_key_and_the_gates(house: House) -> None:
    settings = web_settings(house.settings)
    assert told(settings, house) == {Secret.WEB, Secret.GATE}
    assert settings.public_url == f"{house.settings.hub_url}/services/outputs/"
    assert not any(house.secrets.text(secret) in repr(settings) for secret in Secret)


def test_gunicorn_listens_on_the_socket_and_has_no_secret(house: House) -> None:
    command = services.gunicorn_command(house.settings)
    assert f"unix:{house.settings.outputs_socket}" in command
    assert "--no-control-socket" in command
    assert not any(house.secrets.text(secret) in " ".join(command) for secret in Secret)


def test_every_folder_of_the_checker_is_prepared(house: House) -> None:
    settings = services.checker_settings(house.settings)
    for path in (settings.store, settings.releases, settings.lock.parent):
        assert path.is_dir()


@pytest.mark.parametrize("name", ["outputs_socket", "hub_socket", "proxy_api_socket"])
def test_sockets_lie_in_the_run_folder(house: House, name: str) -> None:
    assert getattr(house.settings, name).parent == house.settings.run


def test_outputs_service_finishes_what_a_killed_one_left_of_a_delivery(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(house.settings.store)
    day = now().date()
    files = [File("codes.csv", b"code\n1\n")]
    request_id = requests.bring_in(
        house.engine, store, author="ada", project="heron", purpose="Codes.", files=files, today=day
    )
    with transaction(house.engine) as session:
        request = session.get_one(IngressRequest, request_id)
        seen = request.content_hash or ""
        requests.accept(session, store, request, steward="steve", seen=seen, reason="Codes.", today=day)
    leftover = house.settings.incoming / ".making-killed"
    leftover.mkdir()
    began: list[bool] = []
    delivered = house.settings.incoming / "heron" / request_id
    monkeypatch.setattr(services, "_prepare", lambda _settings: None)  # it would tie this process to its parent
    monkeypatch.setattr("os.execv", lambda *_arguments: began.append(delivered.is_dir()))
    services.outputs(house.settings, argparse.Namespace())
    assert began == [True]
    assert (delivered / "codes.csv").read_bytes() == b"code\n1\n"
    assert not leftover.exists()


def test_rounds_are_told_no_secret_but_a_way_to_the_mail_servers(house: House) -> None:
    settings = house.settings.model_copy(
        update={"smtp_host": "mail.example.org", "smtp_user": "saferoom", "smtp_from": "saferoom@example.org"}
    )
    made = services.rounds_settings(settings)
    assert told(made, house) == set()
    assert isinstance(made.post, SmtpServer) and made.post.password is not None
    with pytest.raises(UnsafeSecret, match="smtp is missing"):
        made.post.password()
    (settings.secrets / "smtp").write_text("a password\n")
    (settings.secrets / "smtp").chmod(0o600)
    assert made.post.password() == "a password"
    assert "a password" not in repr(made)


def test_without_a_way_for_mail_there_is_none(house: House) -> None:
    assert services.rounds_settings(house.settings).post is None


def test_metrics_are_off_unless_the_settings_turn_them_on(house: House) -> None:
    assert web_settings(house.settings).metrics_token is None
    assert services.metrics_environment(house.settings) == {}
    on = house.settings.model_copy(update={"metrics": True})
    assert web_settings(on).metrics_token == house.secrets.metrics
    assert on.environment()["SAFEROOM_METRICS"] == "true"


def test_the_counters_of_workers_begin_anew_with_each_start(house: House) -> None:
    on = house.settings.model_copy(update={"metrics": True})
    folder = Path(services.metrics_environment(on)["PROMETHEUS_MULTIPROC_DIR"])
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (folder / "counter_1.db").write_bytes(b"")
    services.metrics_environment(on)
    assert list(folder.iterdir()) == []
