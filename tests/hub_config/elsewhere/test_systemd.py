"""The unit: directives that systemd knows, the protections of the sandbox, nothing that a name could smuggle in."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_config.elsewhere import NotRenderable, systemd
from hub_config.sandbox import Account
from hub_config.session import HUB_VARIABLES, Programs, server_environment
from tests.hub_config.elsewhere.described import IMAGE_PROGRAMS, PREFIX, a_session, unit_directives, unit_words

ACCOUNT = Account(200_001, 200_002, drop=True)
HUB_FILE = Path("/run/saferoom-hub/ada--heron.env")
TOKEN = "0123456789abcdef-the-hubs-token"

KNOWN: dict[str, tuple[str, ...]] = {
    "systemd.unit(5)": ("CollectMode", "Description"),
    "systemd.service(5)": ("ExecStart", "OOMPolicy", "Restart", "Type"),
    "systemd.kill(5)": ("KillMode",),
    "systemd.resource-control(5)": ("CPUQuota", "DevicePolicy", "MemoryMax", "MemorySwapMax", "Slice", "TasksMax"),
    "systemd.exec(5)": (
        "AmbientCapabilities",
        "BindPaths",
        "BindReadOnlyPaths",
        "CapabilityBoundingSet",
        "Environment",
        "EnvironmentFile",
        "Group",
        "InaccessiblePaths",
        "KeyringMode",
        "LimitCORE",
        "LockPersonality",
        "MountAPIVFS",
        "NoNewPrivileges",
        "PrivateDevices",
        "PrivateIPC",
        "PrivateNetwork",
        "PrivateUsers",
        "ProtectClock",
        "ProtectControlGroups",
        "ProtectHome",
        "ProtectKernelModules",
        "ProtectProc",
        "ProtectSystem",
        "RemoveIPC",
        "RestrictAddressFamilies",
        "RestrictRealtime",
        "RestrictSUIDSGID",
        "StandardInput",
        "SupplementaryGroups",
        "SystemCallArchitectures",
        "SystemCallErrorNumber",
        "SystemCallFilter",
        "TemporaryFileSystem",
        "UMask",
        "User",
        "WorkingDirectory",
    ),
}
"""Manual page of systemd 252 -> the directives of it that are used. The pages are the source."""

NEWER = {"PrivatePIDs": 257, "ProtectHostname": 258}
"""Directives of systemd.exec(5) in later versions, and the version (for `ProtectHostname`, that of `private:`)."""

NEEDED_BY_KERNELS = {
    "ProtectKernelTunables",
    "ProtectKernelLogs",
    "RestrictNamespaces",
    "ProcSubset",
    "PrivateTmp",
    "MemoryDenyWriteExecute",
    "IPAddressDeny",
}
"""What would keep nested sandboxes from being made, or honest kernels from working, so it must not come in."""


def text(version: int = systemd.OLDEST, **facts: Any) -> str:
    return systemd.unit(a_session(**facts), ACCOUNT, prefix=PREFIX, hub_file=HUB_FILE, version=version)


# ------------------------------------------------------------------------------------------------ directives


@pytest.mark.parametrize("version", [252, 256, 257, 258, 260])
def test_every_directive_is_known_to_that_version(version: int) -> None:
    known = {name for names in KNOWN.values() for name in names}
    newer = {name for name, since in NEWER.items() if version >= since}
    assert set(unit_directives(text(version))) == known | newer


def test_sections_are_unit_and_service() -> None:
    assert [line for line in text().splitlines() if line.startswith("[")] == ["[Unit]", "[Service]"]


def test_nothing_stands_there_that_kernels_could_not_live_with() -> None:
    assert not NEEDED_BY_KERNELS & set(unit_directives(text(260)))
    assert "ProtectHostname=yes" not in text(260)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NoNewPrivileges", "yes"),
        ("PrivateNetwork", "yes"),
        ("PrivateUsers", "yes"),
        ("PrivateIPC", "yes"),
        ("PrivateDevices", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectProc", "invisible"),
        ("CapabilityBoundingSet", ""),
        ("UMask", "0007"),
        ("Restart", "no"),
        ("SystemCallArchitectures", "native"),
        ("SystemCallErrorNumber", "EPERM"),
        ("StandardInput", "null"),
    ],
)
def test_protections_are_there(name: str, value: str) -> None:
    assert unit_directives(text())[name] == [value]


def test_root_is_empty_and_read_only() -> None:
    assert unit_directives(text())["TemporaryFileSystem"][0] == "/:ro"


def test_home_hides_nothing_that_is_bound_below_it() -> None:
    """`ProtectHome=yes` makes /home inaccessible, and systemd then drops what is bound below it."""
    assert unit_directives(text())["ProtectHome"] == ["tmpfs"]


def test_name_is_an_instance_of_the_template() -> None:
    assert systemd.unit_name(a_session()) == "saferoom-session@ada--heron.service"


# ------------------------------------------------------------------------------------------------ secrets


def from_hub() -> dict[str, str]:
    return {
        "JUPYTERHUB_API_TOKEN": TOKEN,
        "JUPYTERHUB_USER": "ada",
        "JUPYTERHUB_OAUTH_SCOPES": '["access:servers!server=ada/heron"]',
        "JUPYTERHUB_COOKIE_OPTIONS": '{"a": "$HOME `id` \\\\ %n"}',
        "CONFIGPROXY_AUTH_TOKEN": "the-proxys-token",
    }


def variables(path: Path) -> dict[str, str]:
    """A file of variables as a shell reads it, which systemd's form is a part of."""
    words = ["sh", "-c", f"set -a; . {path}; exec env -0"]
    said = subprocess.run(words, env={}, capture_output=True, check=True, text=True).stdout
    return dict(each.split("=", 1) for each in said.split("\0") if each)


def test_unit_and_file_together_say_what_the_server_is_told(tmp_path: Path) -> None:
    (tmp_path / "hub.env").write_text(systemd.hub_variables(a_session(), from_hub(), prefix=PREFIX))
    unit = unit_directives(text())["Environment"]
    said = dict(unit_words(value)[0].split("=", 1) for value in unit)
    told = variables(tmp_path / "hub.env")
    wanted = server_environment(a_session(), from_hub() | {"JUPYTERHUB_SERVICE_PREFIX": PREFIX})
    assert {
        name: value for name, value in (said | told).items() if name not in {"PWD", "_", "SHLVL", "OLDPWD"}
    } == wanted
    assert not said.keys() & (told.keys() - {"PWD"})


def test_no_secret_stands_in_the_unit() -> None:
    assert TOKEN in systemd.hub_variables(a_session(), from_hub(), prefix=PREFIX)
    assert not any("TOKEN" in line for line in text().splitlines())
    named = {unit_words(value)[0].split("=")[0] for value in unit_directives(text())["Environment"]}
    ours = set(server_environment(a_session(), {}))
    assert named & HUB_VARIABLES <= ours | {"JUPYTERHUB_SERVICE_PREFIX"}
    assert f"EnvironmentFile={HUB_FILE}\n" in text()


# ------------------------------------------------------------------------------------------------ words

ODD = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\0"), min_size=1, max_size=20).filter(
    lambda name: name not in {".", ".."}
)


@given(name=ODD)
def test_no_name_of_a_folder_changes_what_is_said(name: str) -> None:
    folder = Path("/srv") / name
    unit = unit_directives(text(folder=folder, programs=Programs(server=folder / "python", kernel=Path("/usr/bin/p"))))
    assert f"{folder}/home/work:/home/researcher/work" in [unit_words(value)[0] for value in unit["BindPaths"]]
    assert unit_words(unit["ExecStart"][0].replace("$$", "$"))[0] == f"{folder}/python"
    assert set(unit) == set(unit_directives(text()))


@pytest.mark.parametrize("name", ["a\nExecStartPre=/bin/sh", "a\rb", "a\x00b", "a\tb"])
def test_a_control_character_is_refused(name: str) -> None:
    with pytest.raises(NotRenderable, match="control character"):
        text(folder=Path("/srv") / name)
    with pytest.raises(NotRenderable, match="control character"):
        systemd.hub_variables(a_session(), {"JUPYTERHUB_USER": name}, prefix=PREFIX)


def test_names_with_spaces_and_colons_are_quoted_part_by_part() -> None:
    assert 'BindPaths="/srv/my sessions: 5%%/home/work":/home/researcher/work' in text(
        folder=Path("/srv/my sessions: 5%")
    )


# ------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize("account", [Account(0, 200_002, drop=True), Account(200_001, 0, drop=True)])
def test_root_is_refused(account: Account) -> None:
    with pytest.raises(NotRenderable, match="root"):
        systemd.unit(a_session(), account, prefix=PREFIX, hub_file=HUB_FILE)


def test_session_without_a_sandbox_is_refused() -> None:
    with pytest.raises(NotRenderable, match="sandbox"):
        text(sandboxed=False)


def test_systemd_that_is_too_old_is_refused() -> None:
    with pytest.raises(NotRenderable, match="252 or later"):
        text(version=249)


# ------------------------------------------------------------------------------------------------ systemd's own word

ANALYZE = shutil.which("systemd-analyze")
where_systemd_is = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not there; the table above is")
MOST_EXPOSED = 30
"""Tenths, of systemd's scale from 0 (safe) to 100. It was 26 with systemd 252: what nested sandboxes need counts."""


def written(folder: Path, content: str) -> Path:
    path = folder / systemd.unit_name(a_session())
    path.write_text(content)
    return path


def runnable() -> str:
    """The unit of a session whose server is a program that there is."""
    return text(programs=Programs(Path(shutil.which("env") or "/usr/bin/env"), IMAGE_PROGRAMS.kernel))


def verify(path: Path) -> subprocess.CompletedProcess[str]:
    words = ["systemd-analyze", "verify", "--man=no", "--generators=no", "--recursive-errors=no", str(path)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


@where_systemd_is
def test_systemd_verifies_the_unit(tmp_path: Path) -> None:
    found = verify(written(tmp_path, runnable()))
    assert (found.returncode, found.stdout, [line for line in found.stderr.splitlines() if str(tmp_path) in line]) == (
        0,
        "",
        [],
    )


@where_systemd_is
def test_systemd_finds_a_directive_that_it_does_not_know(tmp_path: Path) -> None:
    assert "PrivateNetworks" in verify(written(tmp_path, runnable() + "PrivateNetworks=yes\n")).stderr


@where_systemd_is
def test_systemd_judges_the_unit_as_well_protected(tmp_path: Path) -> None:
    path = written(tmp_path, runnable())
    words = ["systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={MOST_EXPOSED}", str(path)]
    judged = subprocess.run(words, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout[-300:]
    path.write_text(runnable().replace("PrivateNetwork=yes", "").replace("CapabilityBoundingSet=", ""))
    assert subprocess.run(words, capture_output=True, check=False).returncode != 0
