"""Attempts on files. Sent into kernels."""

import contextlib
import ctypes
import errno
import os
import random
import stat
import sys
from pathlib import Path
from types import SimpleNamespace

from tests.hub_config.escape.attempt import (
    Closed,
    Control,
    Family,
    attempt,
    by_machine,
    closed_if_empty,
    reached,
)

NOT_MOUNTED = "nothing of it is in the kernel's file system"
READ_ONLY = "it is mounted read-only"


def _read(path: str) -> str:
    return f"{len(closed_if_empty(Path(path).read_bytes()))} bytes of {path}"


def _list(path: str) -> str:
    return f"{closed_if_empty([entry.name for entry in Path(path).iterdir()])[:80]} in {path}"


@attempt(Family.FILES, NOT_MOUNTED)
def register(facts: SimpleNamespace) -> str:
    """Read the register of people and projects."""
    return _read(facts.register)


@attempt(Family.FILES, NOT_MOUNTED)
def ledger_of_the_checker(facts: SimpleNamespace) -> str:
    """Read the checker's ledger of privacy losses."""
    return _read(facts.ledger)


@attempt(Family.FILES, NOT_MOUNTED)
def secrets(facts: SimpleNamespace) -> str:
    """Read the key that signs the calls of sessions."""
    return _read(facts.gate_secret)


@attempt(Family.FILES, NOT_MOUNTED)
def state_of_the_hub(facts: SimpleNamespace) -> str:
    """Read JupyterHub's database."""
    return _read(facts.hub_database)


@attempt(Family.FILES, NOT_MOUNTED)
def logs(facts: SimpleNamespace) -> str:
    """List the service's logs."""
    return _list(facts.log)


@attempt(Family.FILES, NOT_MOUNTED)
def source_versions(facts: SimpleNamespace) -> str:
    """List the datasets from which project copies are made."""
    return _list(facts.datasets)


@attempt(Family.FILES, NOT_MOUNTED)
def copies_of_other_projects(facts: SimpleNamespace) -> str:
    """Read another project's copy of the data."""
    return _read(facts.other_copy)


@attempt(Family.FILES, NOT_MOUNTED)
def work_of_a_colleague(facts: SimpleNamespace) -> str:
    """Read the private work of another member of the same project."""
    return _read(facts.colleague_file)


@attempt(Family.FILES, NOT_MOUNTED)
def own_work_in_another_project(facts: SimpleNamespace) -> str:
    """Read one's own work in another project."""
    return _read(facts.other_work_file)


@attempt(Family.FILES, NOT_MOUNTED)
def folder_of_another_project(facts: SimpleNamespace) -> str:
    """Read the folder that the members of another project share."""
    return _read(facts.other_project_file)


@attempt(Family.FILES, "a /tmp of the kernel's own")
def temporary_files_of_the_machine(facts: SimpleNamespace) -> str:
    """Read a temporary file of somebody else."""
    return _read(facts.temporary_file)


@attempt(Family.FILES, "a /dev/shm of the kernel's own")
def shared_memory_files(facts: SimpleNamespace) -> str:
    """Read shared memory (/dev/shm) of somebody else."""
    return _read(facts.shared_file)


@attempt(Family.FILES, NOT_MOUNTED)
def every_file_with_a_known_name(facts: SimpleNamespace) -> str:
    """Search the whole file system for the register, the ledger, and other people's files by their names."""
    wanted = {Path(path).name for path in (facts.register, facts.ledger, facts.gate_secret, facts.colleague_file)}
    for folder, names, files in os.walk(facts.search):
        names[:] = [] if folder in ("/proc", "/sys", "/usr/share") else names
        if found := wanted & set(files):
            return f"{found} in {folder}"
    raise Closed("no such file")


@attempt(Family.FILES, "a link is followed in the kernel's own file system, where nothing is at its end")
def symbolic_links(facts: SimpleNamespace) -> str:
    """Read the register through a symbolic link that lies in one's work."""
    link = Path(f"link-{random.randrange(10**6)}")
    link.symlink_to(facts.register)
    try:
        return _read(str(link))
    finally:
        link.unlink()


@attempt(Family.FILES, "nothing outside is there to be linked, and links do not cross mounts")
def hard_links(facts: SimpleNamespace) -> str:
    """Link the project copy, or a colleague's file, into one's work, where it stays after the project's end."""
    for source in (facts.own_copy, facts.colleague_file):
        link = Path(f"hard-{random.randrange(10**6)}")
        with contextlib.suppress(OSError):
            link.hardlink_to(source)
            link.unlink()
            return f"linked {source}"
    raise Closed("no link could be made")


@attempt(Family.FILES, "kernels are started with no descriptor of the server's", control=Control.FREE)
def inherited_descriptors(facts: SimpleNamespace) -> str:
    """Use what the process was given when it was started: open files and folders of the service."""
    for number in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        with contextlib.suppress(OSError):
            if stat.S_ISDIR(os.fstat(number).st_mode) and number > 2:
                inside = os.open(Path(facts.register).name, os.O_RDONLY, dir_fd=number)
                return f"{len(os.read(inside, 16))} bytes of the register through descriptor {number}"
    raise Closed("no folder was inherited")


@attempt(Family.FILES, "the filter of system calls", control=Control.FREE, errno=errno.EPERM)
def files_by_handle(facts: SimpleNamespace) -> str:
    """Open files by the handles of their file system, past every mount (open_by_handle_at)."""
    return reached(by_machine(304, 265), -1, ctypes.create_string_buffer(16), 0)


@attempt(Family.FILES, NOT_MOUNTED)
def duckdb_reads_any_file(facts: SimpleNamespace) -> str:
    """Let DuckDB read the register."""
    import duckdb  # noqa: PLC0415 - it is the kernel's

    try:
        with duckdb.connect() as connection:
            found = connection.execute("select size from read_blob(?)", [facts.register]).fetchall()
    except duckdb.Error as error:
        raise Closed(type(error).__name__) from None
    return closed_if_empty(found)


# --- its own surroundings


@attempt(Family.COPY, READ_ONLY)
def copy_written_to(facts: SimpleNamespace) -> str:
    """Open the project copy to write to it."""
    with Path(facts.own_copy).open("r+b"):
        return "opened"


@attempt(Family.COPY, "it is a mount of its own in a folder that nobody can write to")
def copy_replaced(facts: SimpleNamespace) -> str:
    """Move the project copy away, so that another file can take its place."""
    moved = Path(facts.own_copy).rename(facts.own_copy + ".moved")
    moved.rename(facts.own_copy)
    return "moved"


@attempt(Family.COPY, READ_ONLY, errno=errno.EROFS)
def copy_opened_to_others(facts: SimpleNamespace) -> str:
    """Give everybody the right to read the project copy."""
    mode = stat.S_IMODE(Path(facts.own_copy).stat().st_mode)
    Path(facts.own_copy).chmod(mode)
    return "changed"


@attempt(Family.COPY, READ_ONLY)
def file_beside_the_copy(facts: SimpleNamespace) -> str:
    """Put a file beside the project copies."""
    return _plant([os.environ["SAFEROOM_DATA"]])


@attempt(Family.COPY, READ_ONLY)
def package_in_the_environment(facts: SimpleNamespace) -> str:
    """Put a module into the researchers' environment, which later sessions load."""
    return _plant([path for path in sys.path if path.endswith("site-packages")])


@attempt(Family.COPY, "of the server's folders, none is in the kernel's file system")
def file_in_the_servers_folders(facts: SimpleNamespace) -> str:
    """Put a file into the notebook server's home, configuration, or kernelspecs."""
    return _plant(facts.server_homes)


@attempt(Family.COPY, "what is above the folders that a person writes to is read-only")
def file_above_the_work_folder(facts: SimpleNamespace) -> str:
    """Put a file above one's work, in the home that the browser's file list begins with."""
    return _plant([str(Path(os.environ["HOME"]).parent)])


def _plant(folders: list[str]) -> str:
    for folder in folders:
        path = Path(folder, f".planted-{random.randrange(10**6)}")
        with contextlib.suppress(OSError):
            path.touch(exist_ok=False)
            path.unlink()
            return f"planted in {folder}"
    raise Closed(f"none of {len(folders)} folders can be written to")


@attempt(Family.COPY, READ_ONLY, errno=errno.EROFS)
def connection_file_changed(facts: SimpleNamespace) -> str:
    """Write to the kernel's connection file, from which the server learns how to reach it."""
    with Path(facts.connection_file).open("r+b"):
        return "opened"


@attempt(Family.COPY, READ_ONLY)
def connection_file_replaced(facts: SimpleNamespace) -> str:
    """Put another file where the server reads the kernel's connection file."""
    return _plant([str(Path(facts.connection_file).parent)])


@attempt(Family.COPY, "a kernel's folder is mounted for it alone")
def connection_files_of_other_kernels(facts: SimpleNamespace) -> str:
    """Read the connection file of another kernel, with the key that signs its messages."""
    own = Path(facts.connection_file).parent
    others = [path for path in own.parent.iterdir() if path != own and (path / "connection.json").is_file()]
    return closed_if_empty(others)


@attempt(Family.COPY, "kernels are started with an environment of their own, name by name", control=Control.FREE)
def tokens_in_environment_and_arguments(facts: SimpleNamespace) -> str:
    """Find a token, or an address of the hub, among the variables and arguments of all processes in sight."""
    words = b""
    for entry in [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit()]:
        for kind in ("environ", "cmdline"):
            with contextlib.suppress(OSError):
                words += Path("/proc", entry, kind).read_bytes()
    return closed_if_empty([mark for mark in facts.marks_of_the_service if mark.encode() in words])


@attempt(Family.COPY, "/dev holds the devices that everybody may use", errno=errno.EPERM)
def device_made(facts: SimpleNamespace) -> str:
    """Make a device file for the machine's memory."""
    path = Path(f"device-{random.randrange(10**6)}")
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 1))
    finally:
        path.unlink(missing_ok=True)
    return "made"


@attempt(Family.COPY, "the sandbox's own /proc, in which the system's parameters are read-only", control=Control.FREE)
def parameters_of_the_system(facts: SimpleNamespace) -> str:
    """Write to a parameter of Linux below /proc/sys."""
    path = Path("/proc/sys/net/ipv4/conf/lo/forwarding")
    path.write_text(path.read_text())
    return "written"
