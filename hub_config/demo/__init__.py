"""`saferoom demo`: the whole way on one machine, from a data owner's file to a released statistic."""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyotp
from sqlalchemy import Engine

from governance.database import open_database, reading
from governance.errors import NotFound, Unavailable
from governance.sign_in import CODE_PERIOD_SECONDS
from hub_config.demo import cast
from hub_config.demo.cast import Cast
from hub_config.demo.house import furnish
from hub_config.demo.visitor import answers, anybody
from hub_config.demo.walk import walk
from hub_config.driver import DriverError
from hub_config.kernel_channel import CellFailed, ChannelFailed
from hub_config.migrations import migrate
from hub_config.protections import warnings
from hub_config.secrets import Secrets
from hub_config.settings import OUTPUTS_PREFIX, PREFIX, Settings

SECONDS_TO_START = 90.0
SECONDS_TO_STOP = 30.0
SECONDS_BETWEEN_LOOKS = 0.2


class DemoFailed(Unavailable):
    """Saferoom did not start, or ended while the demo ran."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="end after the walk instead of staying up")


def run(settings: Settings, given: argparse.Namespace) -> int:
    """Furnish the house, start it, walk through it, and stay up until Ctrl-C (or end, with --once)."""
    os.umask(0o077)
    say(f"Saferoom demo. State: {settings.state}")
    settings.prepare()
    Secrets.load(settings.secrets)
    engine = open_database(settings.database_url)
    migrate(engine)
    with reading(engine) as session:
        cast.require_nobody(session, settings.demo_file)
    people = cast.read_or_make(settings.demo_file)
    copy = furnish(settings, engine, people)
    say(f"The owner's file was de-identified; the project copy has {copy.rows:,} rows of {copy.units:,} persons.")
    for sentence in warnings(settings.does_without):
        say(f"WARNING: {sentence}")
    with running(settings) as saferoom:
        say(f"Saferoom runs on {settings.hub_url}.")
        package = _walked(settings, engine, people)
        write_facts(settings, package)
        say(closing(settings, package))
        if not given.once:
            _stay(saferoom)
    return 0


def _walked(settings: Settings, engine: Engine, people: Cast) -> Path:
    try:
        return walk(settings, engine, people, say)
    except (DriverError, CellFailed, ChannelFailed) as error:
        raise DemoFailed(
            f"The walk stopped: {error}. Nothing was lost; run it again, or look into {settings.log}."
        ) from error


def code_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="a person of the demo, for example researcher or checker-one")


def print_code(settings: Settings, given: argparse.Namespace) -> int:
    """Print the password and the present one-time code of a person of the demo.

    Raises:
        NotFound: there is no demo in this state, or nobody of that name in it.
    """
    if not settings.demo_file.exists():
        raise NotFound(f"There is no demo in {settings.state}. Start one with `make demo`, or name its --state.")
    user = cast.read_or_make(settings.demo_file).user(given.name)
    seconds = CODE_PERIOD_SECONDS - int(time.time()) % CODE_PERIOD_SECONDS
    say(f"{user.name}   password {user.password}   code {pyotp.TOTP(user.totp_secret).now()} (for {seconds} s)")
    return 0


def say(text: str) -> None:
    """One line for the person in front of the terminal."""
    print(text, flush=True)


def write_facts(settings: Settings, package: Path) -> None:
    """Complete `demo.json` with the addresses and the release."""
    cast.write(
        settings.demo_file,
        {
            "hub_url": settings.hub_url,
            "outputs_url": settings.outputs_url,
            "public_url": f"{settings.outputs_url}releases",
            "users": cast.read(settings.demo_file)["users"],
            "release": str(package),
        },
    )


def closing(settings: Settings, package: Path) -> str:
    """Where everything is, in plain words."""
    return "\n".join(
        [
            "",
            f"  Work and log in        {settings.hub_url}",
            f"  The review queue       {settings.outputs_url}queue",
            f"  The public register    {settings.outputs_url}releases",
            f"  This release           {settings.outputs_url}releases/{package.name}",
            f"  Its package            {package}",
            f"  Names and passwords    {settings.demo_file}",
            f"  E-mail, as files       {settings.state / 'mail'}",
            f"  Logs                   {settings.log}",
            "",
            "  For a password and one-time code to sign in with:",
            f"  .venv/bin/saferoom code checker-one --state {settings.state}",
        ]
    )


@contextmanager
def running(settings: Settings) -> Iterator["subprocess.Popen[bytes]"]:
    """Saferoom, started as `saferoom up` and ended with the block. Raises `DemoFailed` if it does not answer."""
    log = settings.log / "saferoom.log"
    with log.open("ab") as output:
        saferoom = subprocess.Popen(  # noqa: S603 - our own command, without a shell
            [sys.executable, "-m", "hub_config.commands", "up", *_flags(settings)],
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env=os.environ | _mail(settings),
        )
    try:
        _wait_until_up(settings, saferoom, log)
        yield saferoom
    finally:
        _end(saferoom)


def _mail(settings: Settings) -> dict[str, str]:
    """The way for e-mail of the demo: each message becomes a file, unless the operator gave another way."""
    return {} if settings.sends_mail else {f"{PREFIX}MAIL_FOLDER": str(settings.state / "mail")}


def _flags(settings: Settings) -> list[str]:
    return ["--state", str(settings.state), "--port", str(settings.port), "--bind", settings.bind]


def _wait_until_up(settings: Settings, saferoom: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + SECONDS_TO_START
    with anybody(settings.hub_url) as http:
        while time.monotonic() < end:
            if saferoom.poll() is not None:
                raise DemoFailed(f"Saferoom ended at once (status {saferoom.returncode}). {_last_line(log)}")
            if answers(http, "/hub/health") and answers(http, f"{OUTPUTS_PREFIX}health"):
                return
            time.sleep(SECONDS_BETWEEN_LOOKS)
    raise DemoFailed(f"Saferoom did not answer within {SECONDS_TO_START:.0f} seconds. Look into {log}.")


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return f"It said: {lines[-1]}" if lines else f"It said nothing; {log} is empty."


def _stay(saferoom: "subprocess.Popen[bytes]") -> None:
    """Wait for Ctrl-C. Raises `DemoFailed` if Saferoom ends by itself."""
    say("\n  Saferoom stays up. Press Ctrl-C to end it.")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        status = saferoom.wait()
    except KeyboardInterrupt:
        say("\nEnding Saferoom; the state stays where it is.")
        return
    raise DemoFailed(f"Saferoom ended by itself (status {status}). Look into its log.")


def _end(saferoom: "subprocess.Popen[bytes]") -> None:
    if saferoom.poll() is None:
        saferoom.terminate()
        try:
            saferoom.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            saferoom.kill()
            saferoom.wait()
