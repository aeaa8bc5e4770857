"""`saferoom doctor`: does this machine have what the safe setting needs, and what does each missing part mean?

Every check tries the thing itself where it can: the sandbox check starts a server's and a kernel's sandbox, as sessions
would, and attacks it from inside.
"""

import argparse
import ctypes
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from governance.errors import SaferoomError, Unavailable
from hub_config import limits, sandbox
from hub_config.protections import WITHOUT, Protection
from hub_config.settings import Settings
from hub_config.trial import CLOSED, attack

LEAST_DISK = 2 * 2**30
LEAST_MEMORY = 2 * 2**30
OLDEST_CLOCK = datetime(2026, 1, 1, tzinfo=UTC)
CLOCK_IS_NOT_KEPT = 5
"""TIME_ERROR of adjtimex(2)."""
LOOPBACK = ("127.", "::1", "localhost")


class Weight(StrEnum):
    """What follows from a check that fails."""

    NEEDED = "needed"
    """Nothing works without it."""
    PROTECTION = "protection"
    """Nothing starts without it, unless the operator names it as one to do without."""
    ADVICE = "advice"
    """It should be put right."""


@dataclass(frozen=True)
class Finding:
    """What one check found. `sentence` says what is there or, if not, what that means and what to do."""

    name: str
    holds: bool
    sentence: str
    weight: Weight
    protection: Protection | None = None


Look = Callable[[Settings], tuple[bool, str]]


@dataclass(frozen=True)
class Check:
    name: str
    look: Look
    weight: Weight
    protection: Protection | None = None

    def finding(self, settings: Settings) -> Finding:
        holds, sentence = self.look(settings)
        return Finding(self.name, holds, sentence, self.weight, self.protection)


def examine(settings: Settings) -> tuple[Finding, ...]:
    """Every check's finding, in the order of the table."""
    return tuple(check.finding(settings) for check in CHECKS)


def why_not_start(findings: Iterable[Finding], without: frozenset[Protection]) -> tuple[str, ...]:
    """What keeps Saferoom from starting: a text for each thing that is needed, and for each missing protection."""
    failed = [each for each in findings if not each.holds and each.weight is not Weight.ADVICE]
    needed = tuple(each.sentence for each in failed if each.protection is None)
    missing = dict.fromkeys(each.protection for each in failed if each.protection not in {None, *without})
    return needed + tuple(_missing(each, failed) for each in missing if each is not None)


def _missing(protection: Protection, failed: list[Finding]) -> str:
    found = " ".join(each.sentence for each in failed if each.protection is protection)
    return f"{found} To do without it all the same, say --without {protection.value}. {WITHOUT[protection]}"


def run(settings: Settings, _arguments: argparse.Namespace) -> int:
    """Print what was found; status 1 if Saferoom would not start like this."""
    findings = examine(settings)
    for finding in findings:
        mark = "ok     " if finding.holds else f"{'advice' if finding.weight is Weight.ADVICE else 'MISSING':<7}"
        print(f"{mark}  {finding.name:<22}  {finding.sentence}")
    reasons = why_not_start(findings, settings.does_without)
    print("\nSaferoom would not start like this." if reasons else "\nSaferoom can start.")
    return 1 if reasons else 0


# ------------------------------------------------------------------------------------------------------ programs


def _program(path: str, package: str) -> Look:
    def look(_settings: Settings) -> tuple[bool, str]:
        if os.access(path, os.X_OK):
            return True, f"{path} is there."
        return False, f"{path} is missing. Install it (on Debian, the package {package})."

    return look


def _node(settings: Settings) -> tuple[bool, str]:
    if shutil.which("node") is None:
        return False, "Node.js is missing (no `node` on the PATH). Run `make setup`, which says how to get it."
    if not os.access(settings.proxy_command, os.X_OK):
        return False, f"The proxy is missing ({settings.proxy_command}). Run `make setup`."
    return True, "Node.js and the proxy are there."


def _researchers(settings: Settings) -> tuple[bool, str]:
    python = settings.session_python
    if not os.access(python, os.X_OK):
        return False, f"The researchers' environment is missing ({python}). Run `make setup`."
    writable = [folder for folder in (python.parent.parent, python.parent) if folder.stat().st_mode & 0o022]
    if writable:
        return False, f"Others can write to {writable[0]}, which kernels run from. Take that right away (chmod go-w)."
    return True, "The researchers' environment is there, and only its owner can change it."


# ------------------------------------------------------------------------------------------------ sandbox, limits


def _sandbox(settings: Settings) -> tuple[bool, str]:
    """Start a server's sandbox and a kernel's within it, and try to get out."""
    try:
        with tempfile.TemporaryDirectory(prefix="saferoom-doctor-", dir="/tmp") as folder:
            status, told = attack(settings, Path(folder))
    except (OSError, SaferoomError, subprocess.SubprocessError) as error:
        return False, f"No sandbox could be made: {error}."
    if status != 0:
        return False, (
            f"No sandbox could be made ({told.strip()[-200:] or f'status {status}'}). It needs user namespaces: see "
            "that user.max_user_namespaces is above 0, and that no rule of AppArmor or of a container forbids them."
        )
    if told.strip() != CLOSED:
        return False, f"The sandbox does not hold here; open from inside: {told.strip()[:200]}."
    return True, "A kernel's sandbox can be made, and holds against attempts from inside."


def _limits(_settings: Settings) -> tuple[bool, str]:
    form = limits.find().form
    if form is limits.Form.NONE:
        return False, (
            "No control groups can be made here, so memory, processes and processors are limited for each process "
            "only. Run as root, or let systemd delegate a group (Delegate=yes)."
        )
    return True, f"Memory, processes and processors are limited by {form.value}."


def _memory(_settings: Settings) -> tuple[bool, str]:
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if there < LEAST_MEMORY:
        return (
            False,
            f"The machine has {there // 2**20:,} MiB of memory; sessions and checker need {LEAST_MEMORY // 2**20:,}.",
        )
    return True, f"The machine has {there // 2**30:,} GiB of memory."


def _swap(_settings: Settings) -> tuple[bool, str]:
    try:
        lines = Path("/proc/swaps").read_text().splitlines()[1:]
    except OSError:
        lines = []
    if lines:
        return (
            False,
            "Memory can be swapped to disk, microdata with it. Encrypt the swap space, or turn it off (swapoff -a).",
        )
    return True, "No memory is swapped to disk."


def _disk(settings: Settings) -> tuple[bool, str]:
    folder = next(each for each in (settings.state, *settings.state.parents) if each.exists())
    free = shutil.disk_usage(folder).free
    if free < LEAST_DISK:
        return False, f"{free // 2**20:,} MiB are free below {folder}; let it be {LEAST_DISK // 2**20:,} at least."
    return True, f"{free // 2**30:,} GiB are free for state."


# ------------------------------------------------------------------------------------------- clock, files, address


def _clock(_settings: Settings) -> tuple[bool, str]:
    """Whether the clock is set, and kept so by somebody (adjtimex(2), TIME_ERROR)."""
    if datetime.now(UTC) < OLDEST_CLOCK:
        return False, "The clock stands in the past: one-time codes fail and audit times are wrong. Set it."
    buffer = ctypes.create_string_buffer(512)
    if ctypes.CDLL(None, use_errno=True).adjtimex(buffer) == CLOCK_IS_NOT_KEPT:
        return False, "Nothing keeps the clock right; codes fail once it is 30 seconds off. Run chrony or timesyncd."
    return True, "The clock is kept right."


def _modes(settings: Settings) -> tuple[bool, str]:
    there = [folder for folder in settings.folders if folder.exists()]
    for folder in there:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            return False, f"{folder} is a link, belongs to somebody else, or others can write to it. Put that right."
    for secret in settings.secrets.glob("*") if settings.secrets.exists() else ():
        if secret.lstat().st_mode & 0o077:
            return False, f"Others can read {secret}. Take that right away (chmod 600) and make the secret anew."
    return True, "State and secrets are this user's alone."


def _address(settings: Settings) -> tuple[bool, str]:
    if settings.tls or settings.bind.startswith(LOOPBACK):
        return True, "Pages are encrypted, or do not leave this machine."
    return False, (
        f"Saferoom would listen on {settings.bind} without encryption. Set tls_certificate and tls_key, or public_url "
        "to the https address of a server in front."
    )


CHECKS: tuple[Check, ...] = (
    Check("proxy", _node, Weight.NEEDED),
    Check("researchers' programs", _researchers, Weight.NEEDED),
    Check("file modes", _modes, Weight.NEEDED),
    Check("bubblewrap", _program(sandbox.BUBBLEWRAP, "bubblewrap"), Weight.PROTECTION, Protection.SANDBOX),
    Check("sandbox", _sandbox, Weight.PROTECTION, Protection.SANDBOX),
    Check("limits", _limits, Weight.PROTECTION, Protection.SESSION_LIMITS),
    Check("encryption", _address, Weight.PROTECTION, Protection.TLS),
    Check("memory", _memory, Weight.ADVICE),
    Check("swap", _swap, Weight.ADVICE),
    Check("disk", _disk, Weight.ADVICE),
    Check("clock", _clock, Weight.ADVICE),
)


def require(settings: Settings, complain: Callable[[str], None] | None = None) -> None:
    """Raise `Unsafe` unless Saferoom may start here; hand the advice to `complain`."""
    findings = examine(settings)
    if reasons := why_not_start(findings, settings.does_without):
        raise Unsafe(" ".join(reasons))
    say = complain or (lambda sentence: print(f"saferoom: {sentence}", file=sys.stderr, flush=True))
    for finding in findings:
        if not finding.holds and finding.weight is Weight.ADVICE:
            say(finding.sentence)


class Unsafe(Unavailable):
    """The machine lacks something that Saferoom does not start without."""
