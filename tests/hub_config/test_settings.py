"""Settings: where they come from, what is refused, and how safe the folders are."""

import os
import stat
from pathlib import Path

import pytest

from hub_config.settings import LONGEST_RUN_PATH, Settings, SettingsError, UnsafeFolder, default_run, load, make_private
from tests.hub_config.house import short_folder


def test_defaults_listen_on_loopback_only() -> None:
    settings = load(environ={})
    assert (settings.bind, settings.port, settings.tls) == ("127.0.0.1", 8000, False)
    assert settings.state.is_absolute()


def test_later_sources_win(tmp_path: Path) -> None:
    file = tmp_path / "saferoom.toml"
    file.write_text('port = 8001\nbind = "127.0.0.2"\nstate = "/srv/one"\n')
    environ = {"SAFEROOM_CONFIG": str(file), "SAFEROOM_PORT": "8002", "SAFEROOM_STATE": "/srv/two", "HOME": "/root"}
    settings = load({"port": "8003", "state": None}, environ)
    assert (settings.bind, settings.port, settings.state) == ("127.0.0.2", 8003, Path("/srv/two"))


def test_environment_makes_equal_settings(tmp_path: Path) -> None:
    settings = load({"state": str(tmp_path), "port": 8123, "public_url": "https://saferoom.example.org/"}, environ={})
    assert load(environ=settings.environment()) == settings
    assert settings.tls and settings.outputs_url == "https://saferoom.example.org/services/outputs/"


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ('bind = "::1"\n\nprot = 8000\n', "saferoom.toml, line 3, prot", "no such setting"),
        ("port = 99999\n", "saferoom.toml, line 1, port", "less than or equal to 65535"),
        ('# of ports\nport = "many"\n', "saferoom.toml, line 2, port", "valid integer"),
        ('time_zone = "Paris"\n', "saferoom.toml, line 1, time_zone", "no time zone “Paris” here"),
        ('run = "relative"\n', "saferoom.toml, line 1, run", "absolute, lower-case"),
        ('run = "/tmp/Upper"\n', "saferoom.toml, line 1, run", "lower-case"),
        ('public_url = "example.org"\n', "saferoom.toml, line 1, public_url", "https://"),
        ("[hub]\nport = 1\n", "saferoom.toml, line 1, hub", "no such setting"),
        ("port = \n", "saferoom.toml is no valid TOML", "line 1"),
    ],
)
def test_bad_file_names_file_line_and_key(tmp_path: Path, text: str, where: str, what: str) -> None:
    file = tmp_path / "saferoom.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load({"config": str(file)}, environ={})
    assert where in caught.value.sentence
    assert what in caught.value.sentence


def test_unknown_variable_is_an_error() -> None:
    with pytest.raises(SettingsError, match="environment variable SAFEROOM_PROT: no such setting"):
        load(environ={"SAFEROOM_PROT": "8000"})


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load({"config": str(tmp_path / "none.toml")}, environ={})


@pytest.mark.parametrize(("setting", "url"), [("register", "database_url"), ("ledger", "ledger_url")])
def test_state_is_in_its_folder_unless_a_database_is_named(tmp_path: Path, setting: str, url: str) -> None:
    file = {"register": "register.sqlite", "ledger": "checker/ledger.sqlite"}[setting]
    assert getattr(load({"state": str(tmp_path)}, environ={}), url) == f"sqlite:///{tmp_path}/{file}"
    address = f"postgresql://{setting}@/{setting}?unix_sock=/run/postgresql/.s.PGSQL.5432"
    settings = load({f"{setting}_database": address}, environ={})
    assert getattr(settings, url) == address
    assert getattr(load(environ=settings.environment()), url) == address


@pytest.mark.parametrize("setting", ["REGISTER", "LEDGER"])
@pytest.mark.parametrize(
    "address",
    ["postgresql://ada:secret@db/ledger", "postgresql://ada@db/ledger?password=secret", "mysql://db/ledger", "secret"],
)
def test_an_address_has_no_password_and_no_error_repeats_it(address: str, setting: str) -> None:
    with pytest.raises(SettingsError, match="without a password") as caught:
        load(environ={f"SAFEROOM_{setting}_DATABASE": address})
    assert "secret" not in caught.value.sentence


def test_certificate_needs_its_key() -> None:
    with pytest.raises(SettingsError, match="belong together"):
        load(environ={"SAFEROOM_TLS_KEY": "/etc/key.pem"})


def test_run_folder_is_short_and_follows_the_state() -> None:
    one, two = default_run(Path("/srv/" + "long" * 50)), default_run(Path("/srv/other"))
    assert one != two
    assert len(str(one)) <= LONGEST_RUN_PATH
    assert str(one) == str(one).lower()


def test_every_socket_fits(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path, run=Path("/" + "x" * (LONGEST_RUN_PATH - 1)))
    channel = settings.run / ("0" * 12) / "k" / f"kernel-{'0' * 36}-ipc-5"
    assert len(os.fsencode(channel)) <= 107


def test_prepare_makes_private_folders_and_can_be_repeated() -> None:
    with short_folder() as folder:
        settings = load({"state": str(folder / "state"), "run": str(folder / "run")}, environ={})
        settings.prepare()
        settings.prepare()
        modes = {stat.S_IMODE(each.stat().st_mode) for each in settings.folders}
        assert modes == {0o700}


@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_folder_that_others_can_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(UnsafeFolder, match="Others can write"):
        load({"state": str(folder)}, environ={}).prepare()


def test_link_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(UnsafeFolder, match="is a link"):
        make_private(tmp_path / "link")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    os.chown(folder, 12345, 12345)
    with pytest.raises(UnsafeFolder, match="another user"):
        make_private(folder)


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"smtp_host": "mail.example.org"}, "smtp_from"),
        ({"smtp_host": "mail.example.org", "smtp_from": "a@b\nBcc: c@d"}, "no e-mail address"),
        ({"smtp_from": "saferoom@example.org"}, "smtp_host as well"),
        ({"smtp_host": "mail.example.org", "smtp_from": "a@b.org", "mail_folder": "/srv/mail"}, "one of them"),
        ({"smtp_host": "mail.example.org", "smtp_from": "a@b.org", "smtp_security": "none"}, "on this machine"),
        ({"smtp_host": "mail.example.org", "smtp_from": "a@b.org", "smtp_security": "ssl"}, "smtp-security"),
    ],
)
def test_a_way_for_mail_is_whole_and_safe_or_refused(given: dict[str, str], what: str) -> None:
    with pytest.raises(SettingsError, match=what):
        load(given, environ={})


def test_settings_of_mail_reach_a_child() -> None:
    given = {
        "smtp_host": "localhost",
        "smtp_security": "none",
        "smtp_from": "a@example.org",
        "time_zone": "Europe/Paris",
    }
    settings = load(given, environ={})
    assert load(environ=settings.environment()) == settings and settings.sends_mail
