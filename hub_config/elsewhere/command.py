"""`saferoom render`: one session of the register, said for systemd or Kubernetes. It starts nothing.

saferoom render systemd     --person ada --project heron                      the unit
saferoom render kubespawner --person ada --project heron --cluster FILE       KubeSpawner's traits
saferoom render kubernetes  --person ada --project heron --cluster FILE       policies, claims and files
saferoom render seccomp     --person ada --project heron                      the notebook server's filter
"""

import argparse
import json
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError

from governance.database import open_database
from governance.database_errors import DatabaseUnavailable
from governance.errors import NotFound, Refused
from hub_config import register
from hub_config.elsewhere import NotRenderable, kubernetes, seccomp_profile, systemd
from hub_config.elsewhere.kubernetes import Cluster, Doors
from hub_config.sandbox import Account
from hub_config.seccomp import Tenant
from hub_config.session import Programs, Session
from hub_config.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.add_argument("form", choices=sorted(FORMS))
    parser.add_argument("--person", required=True, metavar="NAME")
    parser.add_argument("--project", required=True, metavar="ID")
    parser.add_argument("--cluster", metavar="FILE", type=Path, help="the cluster's description in TOML")
    parser.add_argument("--systemd", metavar="VERSION", type=int, default=systemd.OLDEST, help="default: %(default)s")
    parser.add_argument("--uid", metavar="NUMBER", type=int, help="the session's (default: as it was last started)")
    parser.add_argument("--gid", metavar="NUMBER", type=int, help="the project's (default: as it was last started)")


def run(settings: Settings, given: argparse.Namespace) -> int:
    """Print the rendering.

    Raises:
        Refused: the register says no to the session.
        NotFound: there is no register here.
        NotRenderable: the session or the cluster cannot be said safely.
    """
    sys.stdout.write(FORMS[given.form](_described(settings, given.person, given.project), given))
    return 0


def _described(settings: Settings, person: str, project: str) -> Session:
    engine = open_database(settings.database_url)
    try:
        if (reason := register.why_no_session(engine, person, project)) is not None:
            raise Refused(reason)
        return register.describe_session(settings, engine, person, project)
    except (DBAPIError, DatabaseUnavailable):
        raise NotFound(
            f"There is no register in {settings.state}. Name its --state, or start Saferoom first."
        ) from None
    finally:
        engine.dispose()


def cluster_of(text: str) -> tuple[Cluster, Doors]:
    """A cluster and a session's doors from TOML. Raises `NotRenderable` for what is missing, unknown or unsafe."""
    try:
        facts = tomllib.loads(text)
        programs, doors = facts.pop("programs"), facts.pop("doors")
        return Cluster(**facts, programs=_programs(**programs)), Doors(**doors)
    except (tomllib.TOMLDecodeError, TypeError, KeyError, AttributeError) as error:
        raise NotRenderable(f"The cluster's description is not whole ({error}). See docs/elsewhere.md.") from None


def _programs(server: str, kernel: str, kernel_folders: list[str], server_folders: list[str]) -> Programs:
    seen = (tuple(map(Path, folders)) for folders in (kernel_folders, server_folders))
    return Programs(Path(server), Path(kernel), *seen)


def _prefix(session: Session) -> str:
    return f"/user/{session.person}/{session.project}/"


def _systemd(session: Session, given: argparse.Namespace) -> str:
    hub_file = session.sockets.with_suffix(".env")  # beside the folder, which is the session's
    return systemd.unit(
        session, _account(session, given), prefix=_prefix(session), hub_file=hub_file, version=given.systemd
    )


def _account(session: Session, given: argparse.Namespace) -> Account:
    """The numbers that were named, else those to which the session's folders belong."""
    try:
        uid = session.folder.stat().st_uid if given.uid is None else given.uid
        gid = session.shared.stat().st_gid if given.gid is None else given.gid
    except FileNotFoundError:
        raise NotFound("This session was never started here, so it has no number. Give --uid and --gid.") from None
    return Account(uid, gid, drop=True)


def _cluster(given: argparse.Namespace) -> tuple[Cluster, Doors]:
    if given.cluster is None:
        raise NotRenderable("Nothing says what the cluster is like. Describe it in a file and name it with --cluster.")
    try:
        return cluster_of(given.cluster.read_text(encoding="utf-8"))
    except OSError as error:
        raise NotFound(f"The cluster's description cannot be read: {error.strerror}. Check --cluster.") from None


def _kubespawner(session: Session, given: argparse.Namespace) -> str:
    return _json(kubernetes.spawner(session, *_cluster(given), prefix=_prefix(session)))


def _kubernetes(session: Session, given: argparse.Namespace) -> str:
    objects = kubernetes.objects(session, *_cluster(given))
    return _json({"apiVersion": "v1", "kind": "List", "items": list(objects)})


def _seccomp(_session: Session, _given: argparse.Namespace) -> str:
    return _json(seccomp_profile.profile(Tenant.SERVER))


def _json(content: Any) -> str:
    return json.dumps(content, indent=2) + "\n"


FORMS: dict[str, Callable[[Session, argparse.Namespace], str]] = {
    "kubernetes": _kubernetes,
    "kubespawner": _kubespawner,
    "seccomp": _seccomp,
    "systemd": _systemd,
}
"""Form -> the function that says it."""
