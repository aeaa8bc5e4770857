"""Bubblewrap's arguments, from a session's description alone."""

import dataclasses
from pathlib import Path

import pytest

from hub_config import sandbox
from hub_config.sandbox import Account, Mount, UnsafeSandbox, kernel_arguments, kernel_sandbox, server_sandbox
from hub_config.session import INSIDE, Limits
from tests.hub_config.test_session import a_session

ROOT = Account(200007, 200003, drop=True)
ORDINARY = Account(1001, 1001, drop=False)


def server(account: Account, **facts: object) -> list[str]:
    return sandbox.server_arguments(a_session(**facts), account, ["python", "-m", "server"], seccomp=9)


def binds(arguments: list[str]) -> dict[str, tuple[str, str]]:
    """Where something is mounted -> how, and from where."""
    ways = ("--bind", "--ro-bind", "--ro-bind-try")
    return {arguments[at + 2]: (word, arguments[at + 1]) for at, word in enumerate(arguments) if word in ways}


def test_every_namespace_is_new_and_nobody_has_rights() -> None:
    for arguments in (kernel_arguments(a_session()), server(ORDINARY)):
        for namespace in ("ipc", "pid", "net", "uts", "cgroup", "user"):
            assert f"--unshare-{namespace}" in arguments
        assert arguments[arguments.index("--cap-drop") + 1] == "ALL"
        assert "--new-session" in arguments and "--share-net" not in arguments
        assert "--cap-add" not in arguments


def test_only_kernels_are_kept_from_making_sandboxes_and_end_with_their_server() -> None:
    assert {"--disable-userns", "--die-with-parent"} <= set(kernel_arguments(a_session()))
    assert not {"--disable-userns", "--die-with-parent"} & set(server(ORDINARY))


def test_what_a_kernel_writes_to_is_three_folders() -> None:
    mounts = binds(kernel_arguments(a_session()))
    written = {target for target, (way, _source) in mounts.items() if way == "--bind"}
    assert written == {"/home/researcher/work", "/home/researcher/project", "{kernel_folder}/z"}


def test_a_kernel_sees_nothing_of_the_servers() -> None:
    session = a_session()
    told = " ".join(kernel_arguments(session))
    for hidden in (INSIDE.hub_gate, INSIDE.server, INSIDE.server_home, INSIDE.configuration, Path("/opt/service")):
        assert str(hidden) not in told
    assert "/etc/passwd" not in told and "resolv.conf" not in told


def test_a_kernel_sees_the_copies_of_its_project_and_cannot_write_them() -> None:
    mounts = binds(kernel_arguments(a_session()))
    assert mounts["/data/visits-v3-0.duckdb"][0] == "--ro-bind"
    assert [target for target in mounts if target.startswith("/data")] == ["/data/visits-v3-0.duckdb"]
    outer = binds(server(ORDINARY))
    assert outer["/data/visits-v3-0.duckdb"] == ("--ro-bind", "/srv/copies/heron/visits-v3-0.duckdb")


def test_no_argument_holds_an_environment_or_a_token() -> None:
    for arguments in (kernel_arguments(a_session()), server(ROOT)):
        assert "--setenv" not in arguments


def test_as_root_rights_are_given_up_before_the_server_or_a_process_of_its_own_runs() -> None:
    arguments = server(ROOT)
    dropped = arguments.index("/usr/bin/setpriv")
    assert arguments[dropped + 1 : dropped + 4] == ["--reuid=200007", "--regid=200003", "--clear-groups"]
    second = arguments[dropped:]
    assert "--no-new-privs" in second and "--bounding-set=-all" in second
    assert second[second.index("/usr/bin/bwrap") :][-5:] == ["9", "--", "python", "-m", "server"]
    assert set(arguments[: arguments.index("--bind")]) & {"--unshare-user"} == set()
    assert {word for at, word in enumerate(arguments) if arguments[at - 1] == "--cap-add"} == {
        "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"
    }  # fmt: skip


def test_limits_of_each_process_hold_where_no_group_does() -> None:
    session = a_session(limits=Limits(memory=100, processes=7, disk=20, scratch=3))
    arguments = kernel_arguments(session)
    assert arguments[:5] == ["/usr/bin/choom", "-n", "1000", "--", "/usr/bin/prlimit"]
    assert {"--nproc=7", f"--fsize={20 * 2**20}", f"--data={100 * 2**20}", "--core=0"} <= set(arguments)
    assert arguments[arguments.index("/tmp") - 2 : arguments.index("/tmp")] == [str(3 * 2**20), "--tmpfs"]
    shared = arguments.index("/dev/shm")
    assert arguments[shared - 3] == "--size"


def test_channels_of_kernels_lie_in_memory_of_a_bounded_size() -> None:
    for account in (ROOT, ORDINARY):
        arguments = server(account)
        at = arguments.index("/run/saferoom/k")
        assert arguments[at - 3 : at] == ["--size", str(sandbox.CHANNELS_MEMORY * 2**20), "--tmpfs"]


def test_nothing_can_be_made_in_the_root_once_it_stands() -> None:
    arguments = kernel_arguments(a_session())
    assert [arguments[at + 1] for at, word in enumerate(arguments) if word == "--remount-ro"] == ["/dev", "/"]
    last_mount = max(at for at, word in enumerate(arguments) if word in ("--bind", "--ro-bind", "--tmpfs"))
    assert len(arguments) - 1 - arguments[::-1].index("--remount-ro") > last_mount


def test_nothing_is_mounted_where_a_planted_link_could_move_it() -> None:
    safe = kernel_sandbox(a_session())
    inside = Mount(Path("/srv/x"), INSIDE.work / "x")
    with pytest.raises(UnsafeSandbox, match="inside of /home/researcher/work"):
        dataclasses.replace(safe, mounts=(*safe.mounts, inside))


def test_a_description_always_gives_the_same_arguments() -> None:
    assert kernel_arguments(a_session()) == kernel_arguments(a_session())
    assert server(ROOT) == server(ROOT)


def test_every_source_of_a_kernel_is_where_the_server_sees_it() -> None:
    outer = server_sandbox(a_session())
    seen = {mount.target for mount in outer.mounts}
    assert INSIDE.kernels in {memory.target for memory in outer.memory}  # where the kernels' own folders are made
    for mount in kernel_sandbox(a_session()).mounts:
        assert mount.source in seen or str(mount.source).startswith(sandbox.KERNEL_FOLDER), mount.source
