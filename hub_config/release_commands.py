"""`saferoom release …`: verify a package anywhere, without a network; and care for the keys that sign releases here."""

import argparse
import getpass
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from governance.database import open_database, reading, transaction
from governance.errors import NotFound
from hub_config.secrets import Secrets
from hub_config.settings import Settings
from safe_outputs.package.contents import as_json
from safe_outputs.package.keys import KnownKey, SigningKey, list_of_keys, read_keys
from safe_outputs.package.reading import verify as verified
from safe_outputs.releases import release_keys

ACTOR = "operator"


def arguments(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_subparsers(dest="what", required=True, metavar="what")
    part = parts.add_parser("verify", help="say whether a release package is what was released; needs no network")
    part.add_argument("package", metavar="PACKAGE", type=Path, help="the package's folder, or its ZIP")
    part.add_argument(
        "--key",
        metavar="FILE",
        type=Path,
        help="the publisher's keys.json, or one public key in PEM (default: the keys of the Saferoom in --state)",
    )
    parts.add_parser("keys", help="print the keys that signed releases here, as keys.json")
    parts.add_parser("new-key", help="make a new key for releases; the one before it stays known, and signs no more")
    part = parts.add_parser("revoke-key", help="say for good that a key cannot be trusted")
    part.add_argument("key", metavar="KEY", help="the key's id, as `saferoom release keys` prints it")
    part.add_argument("--reason", required=True, help="why; everybody sees it")


def run(settings: Settings, given: argparse.Namespace) -> int:
    """Do one of the commands; 0 when it is done, and for `verify` when the package is what was released.

    Raises:
        NotFound, Tampered, UnusableKey: the package, or the file of keys, cannot be examined.
    """
    return COMMANDS[given.what](settings, given)


def verify(settings: Settings, given: argparse.Namespace) -> int:
    """Print one sentence for a package that is whole, or one for each thing that is wrong with it (status 1)."""
    examined = verified(given.package, _known(settings, given.key))
    if not examined.problems:
        print(examined.in_words)
        return 0
    print(f"This is not release {examined.manifest.release!r} as it was released:")
    for problem in examined.problems:
        print(f"- {problem}")
    return 1


def _known(settings: Settings, file: Path | None) -> Mapping[str, KnownKey]:
    """The keys of a file; without one those of the register here, or none where there is no register."""
    if file is not None:
        return read_keys(_content(file))
    return _keys_of(settings) if _has_register(settings) else {}


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise NotFound(f"The file of keys {file} cannot be read: {error.strerror}. Name the file to --key.") from None


def _keys_of(settings: Settings) -> Mapping[str, KnownKey]:
    with _register(settings) as engine, reading(engine) as session:
        return release_keys.known_keys(session)


def _has_register(settings: Settings) -> bool:
    return settings.register_database is not None or settings.database.exists()


@contextmanager
def _register(settings: Settings) -> Iterator[Engine]:
    """The register's database, closed again at the end. Raises `NotFound`: a command makes no empty one."""
    if not _has_register(settings):
        raise NotFound(f"There is no Saferoom in {settings.state}, so it has no keys. Name another with --state.")
    engine = open_database(settings.database_url)
    try:
        yield engine
    finally:
        engine.dispose()


def print_keys(settings: Settings, _given: argparse.Namespace) -> int:
    print(as_json(list_of_keys(_keys_of(settings).values())).decode(), end="")
    return 0


def new_key(settings: Settings, _given: argparse.Namespace) -> int:
    """Put a new secret in the place of the old one, and enter it. Killed in between, the checker enters it."""
    with _register(settings) as engine:
        key = SigningKey(Secrets(settings.secrets).renew_release())
        with transaction(engine) as session:
            release_keys.use(session, key.public, actor=ACTOR)
    print(f"Releases are signed with the key {key.public.id} from now on. Publish the new keys.json.")
    return 0


def revoke_key(settings: Settings, given: argparse.Namespace) -> int:
    """Revoke a key. In place of the one that signs now, make a new one; killed in between, nothing is released."""
    with _register(settings) as engine, transaction(engine) as session:
        present = SigningKey(Secrets(settings.secrets).release).public.id
        release_keys.revoke(session, given.key, given.reason, actor=ACTOR, account=getpass.getuser())
    print(f"The key {given.key} is revoked: nothing that it signed verifies any more, with the new keys.json.")
    return new_key(settings, given) if given.key == present else 0


COMMANDS: dict[str, Callable[[Settings, argparse.Namespace], int]] = {
    "verify": verify,
    "keys": print_keys,
    "new-key": new_key,
    "revoke-key": revoke_key,
}
