"""As whom a session's processes run.

Where Saferoom runs as root, every session has a number of its own, and every project one for its members: what one
session's processes make, no other's can touch, even outside of every sandbox. The numbers belong to nobody in the
machine's list of users. Which is whose is written where it cannot get lost: a session's folder belongs to its number,
and a project's folder to the project's. Where Saferoom runs as an ordinary user, everything is that user's, and the
sandboxes alone keep sessions apart.
"""

import os
import stat
import threading
from contextlib import suppress
from pathlib import Path

from hub_config.sandbox import Account
from hub_config.session import Session
from hub_config.settings import UnsafeFolder, make_private

FIRST = 200_000
LAST = 399_999
SHARED_MODE = 0o2770
"""All members write; what is made in the folder belongs to the project as well."""

_one_at_a_time = threading.Lock()


def account_of(session: Session) -> Account:
    """The session's account. The first time, numbers are chosen that no other session or project has.

    Raises:
        UnsafeFolder: a folder belongs to a number that is no session's, or all numbers are in use.
    """
    if os.geteuid() != 0:
        make_private(session.shared)
        return Account(os.geteuid(), os.getegid(), drop=False)
    with _one_at_a_time:
        uid = _number(session.folder, session.folder.parent, 0o700, group=False)
        gid = _number(session.shared, session.shared.parent, SHARED_MODE, group=True)
    return Account(uid, gid, drop=True)


def hand_over(session: Session, account: Account) -> None:
    """Give the session's folders to its account, and to the project's people the right to read its copies."""
    if not account.drop:
        return
    for folder in (*session.private_folders, session.outside.work):
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    for path in session.outside.configuration.rglob("*"):
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
    _give_all(session.outside.work, account)
    for copy in session.copies:
        os.chown(copy.path, -1, account.gid, follow_symlinks=False)


def own_socket(socket: Path, account: Account) -> None:
    """Let the session's processes speak on a socket that the hub listens on."""
    if account.drop:
        os.chown(socket, account.uid, account.gid, follow_symlinks=False)


def _number(folder: Path, among: Path, mode: int, *, group: bool) -> int:
    """The number that a folder belongs to, chosen now where the folder is new."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise UnsafeFolder(f"{folder} is a link or a file, not a folder. Move it away, then start the session again.")
    number = found.st_gid if group else found.st_uid
    if number == 0:
        number = _free(among, group=group)
        os.chown(folder, 0 if group else number, number)
    folder.chmod(mode)
    if not FIRST <= number <= LAST:
        raise UnsafeFolder(f"{folder} belongs to number {number}, which is no session's. Give it back to root.")
    return number


def _free(among: Path, *, group: bool) -> int:
    used = [(entry.lstat().st_gid if group else entry.lstat().st_uid) for entry in among.iterdir()]
    number = max([FIRST - 1, *(each for each in used if FIRST <= each <= LAST)]) + 1
    if number > LAST:
        raise UnsafeFolder(f"All numbers for sessions in {among} are in use. Take away folders that nobody needs.")
    return number


def _give_all(folder: Path, account: Account) -> None:
    """Of files that an earlier account left: links are given away themselves, never what they point to."""
    if folder.lstat().st_uid == account.uid and not _is_foreign(folder, account):
        return
    for parent, folders, files, descriptor in os.fwalk(folder, follow_symlinks=False):
        del parent
        for name in (*folders, *files):
            os.chown(name, account.uid, account.gid, dir_fd=descriptor, follow_symlinks=False)


def _is_foreign(folder: Path, account: Account) -> bool:
    with os.scandir(folder) as entries:
        return any(entry.stat(follow_symlinks=False).st_uid != account.uid for entry in entries)
