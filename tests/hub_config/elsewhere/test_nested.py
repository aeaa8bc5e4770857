"""Kernels' sandboxes are made within the server's, so what is said elsewhere must leave that possible. Tried here.

An outer sandbox stands for the unit or the container; in it, without any right, another is made as for a kernel.
"""

import os
import subprocess
from pathlib import Path

import pytest

from hub_config.elsewhere import seccomp_profile
from hub_config.sandbox import BUBBLEWRAP
from hub_config.seccomp import Tenant
from tests.hub_config.elsewhere.libseccomp import RUNTIMES_LIBRARY, as_runtimes_compile

SOMEBODY = ["/usr/bin/setpriv", "--reuid=299999", "--regid=299999", "--clear-groups"]
OUTER = [BUBBLEWRAP, "--unshare-user", "--uid", "1000", "--unshare-pid", "--ro-bind", "/", "/", "--proc", "/proc"]
OUTER += ["--dev", "/dev", "--cap-drop", "ALL"]
KERNEL = [BUBBLEWRAP, "--unshare-user", "--disable-userns", "--unshare-pid", "--unshare-net", "--unshare-ipc"]
KERNEL += ["--unshare-uts", "--hostname", "session", "--ro-bind", "/", "/", "--proc", "/proc", "--", "uname", "-n"]

COVERS = {
    "ProtectKernelTunables=": ("/proc/sys", "/proc/sys"),
    "ProtectKernelLogs=": ("/dev/null", "/proc/kmsg"),
    "ProtectHostname=yes": ("/proc/sys/kernel/hostname", "/proc/sys/kernel/hostname"),
    "procMount: Default": ("/dev/null", "/proc/keys"),
}
"""What would be said -> what it covers in /proc, and with what (systemd.exec(5); the OCI runtimes' masked paths)."""


def nested(*more: str, filtered: Path = Path(os.devnull)) -> subprocess.CompletedProcess[str]:
    """Make an outer sandbox, with more arguments, and a kernel's within it, which says its name."""
    with filtered.open("rb") as file:
        seccomp = ["--seccomp", str(file.fileno())] if filtered.name == "filter" else []
        words = [*(SOMEBODY if os.geteuid() == 0 else []), *OUTER, *more, *seccomp, "--", *KERNEL]
        return subprocess.run(words, pass_fds=(file.fileno(),), capture_output=True, text=True, check=False)


def test_a_kernels_sandbox_can_be_made_without_any_right() -> None:
    made = nested()
    assert (made.returncode, made.stdout) == (0, "session\n"), made.stderr


@pytest.mark.parametrize("said", COVERS)
def test_what_covers_a_part_of_proc_would_keep_kernels_from_starting(said: str) -> None:
    """Why these are left out of the unit, and why a pod's /proc is unmasked."""
    made = nested("--ro-bind", *COVERS[said])
    assert made.returncode != 0
    assert "mount proc" in made.stderr


@pytest.mark.skipif(RUNTIMES_LIBRARY is None, reason="libseccomp is not there to compile the profile")
def test_a_kernels_sandbox_can_be_made_under_the_servers_profile_and_not_under_a_kernels(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "filter").write_bytes(as_runtimes_compile(seccomp_profile.profile(Tenant.SERVER)))
    made = nested(filtered=tmp_path / "filter")
    assert (made.returncode, made.stdout) == (0, "session\n"), made.stderr
    (tmp_path / "filter").write_bytes(as_runtimes_compile(seccomp_profile.profile(Tenant.KERNEL)))
    assert nested(filtered=tmp_path / "filter").returncode != 0
