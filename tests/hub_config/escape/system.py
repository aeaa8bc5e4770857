"""Attempts on the operating system's kernel. Sent into kernels."""

import ctypes
import errno
import fcntl
import os
import pty
import resource
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

from tests.hub_config.escape.attempt import (
    Attempt,
    Closed,
    Control,
    Family,
    Missing,
    add,
    attempt,
    by_machine,
    call,
    libc,
    reached,
)

FILTER = "the filter of system calls"
NO_RIGHTS = "no_new_privs, and an empty bounding set of capabilities"

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x20000, 0x10000000, 0x20000000, 0x40000000
BIND = 4096


def _checked(result: int) -> str:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return f"done: {result}"


def _by_command(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    if done.returncode:
        raise Closed(done.stderr.strip()[-150:])
    return f"{command[0]} did it"


def _refused(name: str, family: Family, tries: str, number: tuple[int | None, int | None], *arguments: object) -> None:
    """Enter an attempt that is a single call: it succeeds when Linux itself looks at the call."""

    def run(facts: SimpleNamespace) -> str:
        return reached(by_machine(*number), *arguments)

    add(Attempt(name, family, tries, FILTER, Control.FREE, run, errno.EPERM))


for _name, _flag in (
    ("user", CLONE_NEWUSER),
    ("mount", CLONE_NEWNS),
    ("process", CLONE_NEWPID),
    ("network", CLONE_NEWNET),
):
    _refused(
        f"new_{_name}_namespace",
        Family.NAMESPACES,
        f"Make a {_name} namespace (unshare).",
        (272, 97),
        _flag,
    )


@attempt(Family.NAMESPACES, FILTER, control=Control.FREE, errno=errno.EPERM)
def process_in_new_namespace(facts: SimpleNamespace) -> str:
    """Start a process in new namespaces (clone)."""
    child = call(by_machine(56, 220), CLONE_NEWUSER | 17, 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return "started"


@attempt(
    Family.NAMESPACES,
    "the filter, which does not know what the call's memory asks for",
    control=Control.FREE,
    errno=errno.ENOSYS,
)
def process_by_clone3(facts: SimpleNamespace) -> str:
    """Start a process in new namespaces by the newer call (clone3), whose arguments no filter sees."""
    return reached(435, ctypes.create_string_buffer(88), 4, refusal=errno.ENOSYS)


@attempt(Family.NAMESPACES, FILTER, control=Control.FREE, errno=errno.EPERM)
def another_namespace_entered(facts: SimpleNamespace) -> str:
    """Enter the namespaces of another process (setns)."""
    return reached(by_machine(308, 268), -1, 0)


@attempt(Family.NAMESPACES, FILTER, control=Control.FREE)
def sandbox_in_the_sandbox(facts: SimpleNamespace) -> str:
    """Let bubblewrap make another sandbox, with rights in it."""
    return _by_command("bwrap", "--unshare-user", "--cap-add", "ALL", "--dev-bind", "/", "/", "true")


@attempt(Family.NAMESPACES, FILTER, control=Control.FREE)
def namespaces_by_command(facts: SimpleNamespace) -> str:
    """Become root in a namespace of one's own (unshare --map-root-user)."""
    return _by_command("unshare", "--user", "--map-root-user", "true")


@attempt(Family.NAMESPACES, FILTER, control=Control.FREE, errno=errno.EPERM)
def file_system_mounted(facts: SimpleNamespace) -> str:
    """Mount a file system (mount)."""
    return _mounted(b"x", facts.writable.encode(), b"tmpfs", 0)


@attempt(Family.NAMESPACES, FILTER, control=Control.FREE, errno=errno.EPERM)
def copy_mounted_writable(facts: SimpleNamespace) -> str:
    """Mount the folder of the project copies once more, to write to it."""
    return _mounted(os.environ["SAFEROOM_DATA"].encode(), facts.writable.encode(), None, BIND)


def _mounted(source: bytes, target: bytes, kind: bytes | None, flags: int) -> str:
    done = _checked(libc.mount(source, target, kind, flags, None))
    libc.umount2(target, 2)
    return done


@attempt(Family.NAMESPACES, FILTER, control=Control.FREE, errno=errno.EPERM)
def root_changed(facts: SimpleNamespace) -> str:
    """Make another folder the root (chroot), from which old ways lead out."""
    return _checked(libc.chroot(facts.writable.encode()))


@attempt(Family.NAMESPACES, FILTER, control=Control.FREE, errno=errno.EPERM)
def name_of_the_machine(facts: SimpleNamespace) -> str:
    """Give the machine another name (sethostname)."""
    return _checked(libc.sethostname(b"mine", 4))


_EMPTY = b"\0" * 64
Calls = tuple[tuple[str, str, tuple[int | None, int | None], tuple[object, ...]], ...]
"""Name, what is tried, the call's numbers on x86-64 and 64-bit ARM, and its arguments."""

MOUNTS: Calls = (
    ("mount_taken_away", "Take a mount away (umount2).", (166, 39), (b"/nowhere", 0)),
    ("root_swapped", "Swap the root (pivot_root).", (155, 41), (b"/nowhere", b"/nowhere")),
    ("file_system_opened", "Prepare a mount by the newer calls (fsopen).", (430, 430), (b"nothing", 0)),
    ("tree_copied", "Copy a tree of mounts (open_tree).", (428, 428), (-1, b"nowhere", 1)),
    ("mount_moved", "Move a mount (move_mount).", (429, 429), (-1, b"", -1, b"", 4)),
    ("mount_made_writable", "Make a read-only mount writable (mount_setattr).", (442, 442), (-1, b"x", 0, _EMPTY, 32)),
)
for _name, _tries, _number, _arguments in MOUNTS:
    _refused(_name, Family.NAMESPACES, _tries, _number, *_arguments)

CALLS: Calls = (
    ("descriptor_of_another", "Take a descriptor out of another process (pidfd_getfd).", (438, 438), (-1, 0, 0)),
    ("processes_compared", "Learn of kernel memory by comparing processes (kcmp).", (312, 272), (-1, -1, 0, 0, 0)),
    ("keyring", "Reach into keyrings of the kernel, which are in no namespace (keyctl).", (250, 219), (0, -3, 1)),
    ("key_added", "Leave something in a keyring (add_key).", (248, 217), (b"user", b"k", b"v", 1, -2)),
    ("key_requested", "Have the kernel start a program for a key (request_key).", (249, 218), (b"user", b"", 0, 0)),
    ("io_uring", "Make calls past the filter (io_uring).", (425, 425), (0, 0)),
    ("bpf", "Load a program into the kernel (bpf).", (321, 280), (0x7FFF, _EMPTY, 64)),
    ("perf", "Watch the processor, and what others do on it (perf_event_open).", (298, 241), (0, -1, -1, -1, 0)),
    ("userfaultfd", "Hold the kernel while it reads memory (userfaultfd).", (323, 282), (1,)),
    ("secret_memory", "Hide memory from everybody (memfd_secret).", (447, 447), (0x7FFF0000,)),
    ("randomness_of_addresses", "Take away the randomness of addresses (personality).", (135, 92), (0xFFFFFFFF,)),
    ("quotas", "Change quotas (quotactl).", (179, 60), (0x7FFF0000, 0, 0, 0)),
    ("memory_advised", "Change how another process's memory is kept (process_madvise).", (440, 440), (-1, 0, 0, 0, 1)),
    ("file_events", "Watch everybody's files (fanotify).", (300, 262), (0x200, 0)),
)
for _name, _tries, _number, _arguments in CALLS:
    _refused(_name, Family.KERNEL, _tries, _number, *_arguments)


@attempt(Family.KERNEL, FILTER, control=Control.FREE, errno=errno.EPERM)
def debugger(facts: SimpleNamespace) -> str:
    """Attach to a process of one's own (ptrace), and change its calls after the filter saw them."""
    child = os.fork()
    if child == 0:
        time.sleep(5)
        os._exit(0)
    try:
        return reached(by_machine(101, 117), 16, child, 0, 0)
    finally:
        os.kill(child, 9)


@attempt(Family.KERNEL, FILTER, control=Control.FREE, errno=errno.EPERM)
def memory_of_a_child(facts: SimpleNamespace) -> str:
    """Write to the memory of a process of one's own (process_vm_writev)."""
    return reached(by_machine(311, 271), os.getpid(), 0, 0, 0, 0, 0)


@attempt(Family.KERNEL, FILTER, control=Control.FREE, errno=errno.EPERM)
def typing_into_a_terminal(facts: SimpleNamespace) -> str:
    """Type into a terminal (ioctl TIOCSTI), as if a person had."""
    _, terminal = pty.openpty()
    fcntl.ioctl(terminal, 0x540E, 0)  # TIOCSCTTY: the terminal is this process's own
    try:
        fcntl.ioctl(terminal, 0x5412, b"x")
    except OSError as error:
        if error.errno == errno.EPERM:
            raise
        return f"Linux answered: {error.strerror}"
    return "typed"


@attempt(
    Family.KERNEL,
    "the filter, which ends what calls for another architecture",
    control=Control.FREE,
    errno=errno.ENOSYS,
)
def calls_of_another_architecture(facts: SimpleNamespace) -> str:
    """Make calls by other numbers for the same processor (x32), which a filter may have forgotten."""
    number = by_machine(0x40000000 + 39, None)
    try:
        return f"done: {call(number)}"
    except OSError as error:
        return f"Linux answered: {error.strerror}"


# --- rights


@attempt(Family.RIGHTS, NO_RIGHTS)
def programs_of_root(facts: SimpleNamespace) -> str:
    """Start a program that gives its caller root's number (su)."""
    with subprocess.Popen(["su"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as su:
        try:
            return _number_of(su.pid)
        finally:
            su.kill()


def _number_of(pid: int) -> str:
    for _ in range(50):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        effective = int(next(line for line in lines if line.startswith("Uid:")).split()[2])
        if effective != os.geteuid() or effective == 0:
            return f"it has the number {effective}"
        time.sleep(0.01)
    raise Closed("it has its caller's number")


@attempt(Family.RIGHTS, NO_RIGHTS)
def new_rights(facts: SimpleNamespace) -> str:
    """Find that a program with more rights would get them."""
    if libc.prctl(39, 0, 0, 0, 0) == 1:
        raise Closed("no new privileges")
    return "new privileges are possible"


@attempt(Family.RIGHTS, NO_RIGHTS, control=Control.FREE)
def any_capability(facts: SimpleNamespace) -> str:
    """Find a capability that the process has, may take, or could ever get."""
    lines = dict(line.split(":\t") for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    found = {name: lines[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb") if int(lines[name], 16)}
    if not found:
        raise Closed("none")
    return str(found)


@attempt(Family.RIGHTS, "one number in the session's namespace of users, without rights", control=Control.FREE)
def another_number(facts: SimpleNamespace) -> str:
    """Become somebody else (setuid, setgid)."""
    try:
        os.setgid(0)
        os.setuid(0)
    except PermissionError:
        os.setresuid(0, 0, 0)
    return "became 0"


@attempt(Family.RIGHTS, "links to nowhere: no tree of control groups is mounted in the kernel", errno=errno.ENOENT)
def control_group_left(facts: SimpleNamespace) -> str:
    """Move to another control group, where the session's limits do not hold."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        for root in (f"/sys/fs/cgroup/{names}", "/sys/fs/cgroup"):
            entry = Path(root, path.lstrip("/"), "cgroup.procs")
            if os.access(entry, os.W_OK):
                entry.write_text(str(os.getpid()))
                return f"wrote to {entry}"
    if Path("/sys/fs/cgroup").exists():
        raise Missing("this machine lets nobody but root write to control groups")
    raise FileNotFoundError(errno.ENOENT, "no control groups are there")


# --- limits of a process


def _raise_limit(limit: int, value: int) -> None:
    try:
        resource.setrlimit(limit, (value, value))
    except ValueError as error:
        raise OSError(errno.EPERM, str(error)) from None


@attempt(Family.LIMITS, "prlimit --core=0", control=Control.FREE)
def core_dump(facts: SimpleNamespace) -> str:
    """Have the memory of a process written to a file as it dies."""
    _raise_limit(resource.RLIMIT_CORE, 1 << 20)
    return "allowed"


@attempt(Family.LIMITS, "prlimit --fsize")
def file_larger_than_the_quota(facts: SimpleNamespace) -> str:
    """Make a file that is larger than the project's quota."""
    path = Path("large")
    try:
        with path.open("wb") as file:
            os.ftruncate(file.fileno(), facts.disk_bytes + 4096)
            return f"{os.fstat(file.fileno()).st_size} bytes"
    finally:
        path.unlink()


@attempt(Family.LIMITS, "prlimit --data")
def memory_of_one_process(facts: SimpleNamespace) -> str:
    """Take more memory than the session may have, in one process."""
    try:
        held = bytearray(facts.memory_bytes + (64 << 20))
    except MemoryError:
        raise OSError(errno.ENOMEM, "no more memory") from None
    return f"{len(held)} bytes"


@attempt(Family.LIMITS, "prlimit --msgqueue=0")
def queue_of_messages(facts: SimpleNamespace) -> str:
    """Make a queue of messages (POSIX), whose memory nobody counts."""
    name = f"/own-{os.getpid()}".encode()
    descriptor = libc.mq_open(name, os.O_RDWR | os.O_CREAT, 0o600, None)
    _checked(descriptor)
    libc.mq_unlink(name)
    return "made"


@attempt(Family.LIMITS, "prlimit --nofile", control=Control.FREE)
def many_open_files(facts: SimpleNamespace) -> str:
    """Hold more open files than a process of a session may."""
    _raise_limit(resource.RLIMIT_NOFILE, 4200)
    return f"{len([os.open('/dev/null', os.O_RDONLY) for _ in range(4150)])} files"


@attempt(Family.LIMITS, "prlimit --nproc, and a control group")
def fork_bomb(facts: SimpleNamespace) -> str:
    """Start more processes than the session may have."""
    wanted = facts.processes + 8
    for _ in range(wanted):
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
    return f"{wanted} processes"


@attempt(Family.LIMITS, "the size of the kernel's own /tmp")
def temporary_folder_filled(facts: SimpleNamespace) -> str:
    """Fill the temporary folder, which lies in memory."""
    return _fill(os.environ["TMPDIR"], facts.scratch_bytes)


@attempt(Family.LIMITS, "the size of the kernel's own /dev/shm")
def shared_memory_filled(facts: SimpleNamespace) -> str:
    """Fill the folder of shared memory."""
    return _fill("/dev/shm", facts.shared_bytes)


def _fill(folder: str, limit: int) -> str:
    """Ask for more room than there may be, in files that each process may make."""
    paths = [Path(folder, f"fill-{os.getpid()}-{number}") for number in range(64)]
    held, piece = 0, min(limit // 4, 32 << 20)
    try:
        for path in paths:
            with path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, piece)
            held += piece
            if held > limit:
                return f"{held} bytes"
    finally:
        for path in paths:
            path.unlink(missing_ok=True)
    raise Closed("less than the limit")
