"""The services that the hub starts and watches. Each ends with it."""

import argparse
import logging
import os
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from hub_config.processes import end_with_parent
from hub_config.secrets import Secrets
from hub_config.settings import Settings, make_private

if TYPE_CHECKING:
    from safe_outputs.checker.worker import CheckerSettings
    from safe_outputs.notifications.post import Post
    from safe_outputs.rounds import RoundsSettings

SMTP_PASSWORD = "smtp"  # noqa: S105 - the name of the file in the secrets' folder
DEMO_SENDER = "saferoom@saferoom.invalid"
"""Who writes where messages are files that are sent to nobody."""
WEB_WORKERS = 2
WEB_THREADS = 8
WEB_KEEP_ALIVE_SECONDS = 300
"""The proxy keeps its connections open; see `proxy_sockets.mjs`."""


def outputs(settings: Settings, _arguments: argparse.Namespace) -> int:
    """Become gunicorn with the outputs service on its socket. Does not return."""
    _prepare(settings)
    _finish_deliveries(settings)
    command = gunicorn_command(settings)
    os.environ.update(metrics_environment(settings))
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


def _finish_deliveries(settings: Settings) -> None:
    """Go on with what an earlier process left of what researchers bring in, before any other process does."""
    from datasets.ingress.delivery import resume_all
    from governance.database import open_database
    from safe_outputs.store import Store

    engine = open_database(settings.database_url)
    resume_all(engine, Store(settings.store), settings.incoming)
    engine.dispose()


def metrics_environment(settings: Settings) -> dict[str, str]:
    """Where the workers count their requests, if anybody may read it: a folder that begins empty with each start."""
    folder = settings.run / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    if not settings.metrics:
        return {}
    make_private(folder)
    return {"PROMETHEUS_MULTIPROC_DIR": str(folder)}


def gunicorn_command(settings: Settings) -> list[str]:
    return gunicorn(settings.outputs_socket, settings.run, "hub_config.wsgi:create()")


def gunicorn(socket: Path, run: Path, application: str) -> list[str]:
    """The command that serves an application on a socket, as the outputs service is served."""
    return [
        sys.executable,
        *("-m", "gunicorn"),
        *("--bind", f"unix:{socket}"),
        *("--workers", str(WEB_WORKERS)),
        *("--worker-class", "gthread", "--threads", str(WEB_THREADS)),
        *("--keep-alive", str(WEB_KEEP_ALIVE_SECONDS)),
        *("--umask", str(0o077)),
        *("--worker-tmp-dir", str(run)),
        *("--graceful-timeout", "5"),
        *("--config", "python:hub_config.gunicorn_hooks"),
        "--preload",
        *("--log-level", "warning"),
        "--no-control-socket",
        application,
    ]


def checker(settings: Settings, _arguments: argparse.Namespace) -> int:
    """Compute and check statistics until the hub, or somebody's signal, ends it."""
    _prepare(settings)  # first: a hub that ends while the rest is imported ends this too
    from safe_outputs.checker import worker  # heavy: DuckDB and OpenDP, which no other command needs

    worker.run(checker_settings(settings), _until_ended())
    return 0


def checker_settings(settings: Settings) -> "CheckerSettings":
    """What the checker is told. Of the secrets: the ledger's and the audit chain's keys, and a way to the releases'."""
    from datasets.engines import Workspace, memory_by_machine
    from governance.checkpoints import Keeper, Key
    from safe_outputs.checker.worker import CheckerSettings
    from safe_outputs.package.keys import SigningKey

    secrets = Secrets(settings.secrets)
    return CheckerSettings(
        database_url=settings.database_url,
        ledger_url=settings.ledger_url,
        store=settings.store,
        releases=settings.releases,
        lock=settings.ledger.with_name("lock"),
        ledger_key=secrets.ledger,
        release_key=lambda: SigningKey(secrets.release),
        keeper=Keeper(settings.checkpoint, Key.of(secrets.audit)),
        workspace=Workspace(
            memory_mb=settings.checker_memory_mb or memory_by_machine(),
            temp=settings.ledger.with_name("temp"),
            temp_gb=settings.checker_temp_gb,
        ),
    )


def rounds(settings: Settings, _arguments: argparse.Namespace) -> int:
    """Send e-mail, and look after what time brings, until the hub, or somebody's signal, ends it."""
    _prepare(settings)  # first: a hub that ends while the rest is imported ends this too
    from safe_outputs import rounds as making

    making.run(rounds_settings(settings), _until_ended())
    return 0


def rounds_settings(settings: Settings) -> "RoundsSettings":
    """What the rounds are told. Of the secrets: a way to the mail server's password."""
    from governance.zones import zone_named
    from safe_outputs.notifications.message import Letterhead
    from safe_outputs.rounds import RoundsSettings

    zone = zone_named(settings.time_zone)
    return RoundsSettings(
        database_url=settings.database_url,
        lock=settings.state / "rounds.lock",
        zone=zone,
        head=Letterhead(settings.smtp_from or DEMO_SENDER, settings.outputs_url, zone),
        post=_post(settings),
    )


def _post(settings: Settings) -> "Post | None":
    """The way for e-mail to leave, if the operator gave one."""
    from hub_config.secrets import given_secret
    from safe_outputs.notifications.post import MailFolder, SmtpServer

    if settings.mail_folder is not None:
        return MailFolder(settings.mail_folder)
    if not settings.smtp_host:
        return None
    return SmtpServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_security,
        user=settings.smtp_user,
        password=lambda: given_secret(settings.secrets / SMTP_PASSWORD, "the mail server"),
        authorities=settings.smtp_authorities,
    )


def _until_ended() -> threading.Event:
    """What is set when somebody's signal ends this process, which says in its log from now on what it does."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    stop = threading.Event()
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda _signal, _frame: stop.set())
    return stop


def _prepare(settings: Settings) -> None:
    end_with_parent()
    os.umask(0o077)
    settings.prepare()
