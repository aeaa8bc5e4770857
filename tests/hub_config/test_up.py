"""The command line, and what `saferoom up` looks at before it becomes the hub."""

import argparse
import fcntl
import os
import pkgutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import inspect

from governance.errors import Conflict
from hub_config import doctor, up
from hub_config.commands import COMMANDS, Command, main, parser
from hub_config.doctor import Unsafe
from hub_config.migrations import migrate
from hub_config.secrets import Secret
from hub_config.settings import CHECKOUT, Settings, load
from tests.hub_config.house import House


def test_commands_are_a_table_with_unique_names_and_real_functions() -> None:
    names = [command.name for command in COMMANDS]
    assert len(set(names)) == len(names)
    for command in COMMANDS:
        assert parser().parse_args([command.name, "--state", "x"]).command == command.name
        assert all(callable(pkgutil.resolve_name(name)) for name in (command.run, command.arguments) if name)


SEEN: list[Settings] = []


def look(settings: Settings, given: argparse.Namespace) -> int:
    SEEN.append(settings)
    return 7 if given.deep else 8


def look_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--deep", action="store_true")


def fail(settings: Settings, given: argparse.Namespace) -> int:
    raise Conflict("It runs already. Stop it first.")


OURS = (
    Command("look", "look", f"{__name__}:look", f"{__name__}:look_arguments"),
    Command("fail", "", f"{__name__}:fail"),
)


def test_settings_come_from_flags(tmp_path: Path) -> None:
    assert main(["look", "--deep", "--state", str(tmp_path), "--port", "8123"], OURS) == 7
    assert (SEEN[-1].state, SEEN[-1].port) == (tmp_path, 8123)


def test_errors_are_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fail"], OURS) == 1
    assert capsys.readouterr().err == "saferoom: It runs already. Stop it first.\n"
    assert main(["fail", "--port", "many"], OURS) == 1
    assert "--port: " in capsys.readouterr().err


def test_choosing_a_command_loads_no_other() -> None:
    code = "import sys, hub_config.commands as c; c.parser(chosen='outputs'); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, check=True, text=True, timeout=60
    )
    assert not {"jupyterhub", "duckdb", "opendp", "nbformat", "pandas"} & set(loaded.stdout.split())


def test_taken_port_is_named(house: House) -> None:
    with socket.socket() as taken:
        taken.bind((house.settings.bind, house.settings.port))
        taken.listen()
        with pytest.raises(up.CannotStart, match=f"port {house.settings.port}"):
            up.check_port(house.settings)
    up.check_port(house.settings)


def test_stale_sockets_are_taken_away(house: House) -> None:
    house.settings.proxy_pid_file.write_text(f"{os.getpid()}")
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(house.settings.proxy_api_socket))
    up.check_port(house.settings)
    assert not house.settings.proxy_api_socket.exists()


def test_missing_program_is_named(tmp_path: Path) -> None:
    settings = load({"state": str(tmp_path), "session_python": str(tmp_path / "none")}, environ={})
    with pytest.raises(Unsafe, match="make setup"):
        doctor.require(settings)


def test_second_start_on_the_same_state_is_refused(house: House) -> None:
    with (house.settings.hub / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4711\n")
        lock.flush()
        done = subprocess.run(
            [sys.executable, "-m", "hub_config.commands", "up"],
            env=os.environ | house.settings.environment() | {"PYTHONPATH": str(CHECKOUT)},
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert "already runs" in done.stderr and "4711" in done.stderr


def test_hub_gets_no_secret_and_little_else(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "something of the operator's")
    environment = up.hub_environment(house.settings)
    assert "AWS_SECRET_ACCESS_KEY" not in environment
    told = " ".join([*environment.values(), *up.hub_command()])
    assert not any(house.secrets.text(secret) in told for secret in Secret)


def test_migrating_again_changes_nothing(house: House) -> None:
    before = set(inspect(house.engine).get_table_names())
    migrate(house.engine)
    assert set(inspect(house.engine).get_table_names()) == before
