"""A session's description for other machinery than bubblewrap on this machine: Kubernetes, and systemd.

    seccomp_profile.py  the filter of system calls, in the form that container runtimes read
    kubernetes.py       pod, network policies, claims and files, for KubeSpawner
    relay.py            carries calls between the UNIX sockets of a pod and the network
    systemd.py          a unit for the notebook server
    command.py          `saferoom render`

Pure but for the relay and the command. All of it starts from `hub_config.session.Session` and the mounts of
`hub_config.sandbox`, so that what is protected is said once.
"""

from governance.errors import Invalid
from hub_config.session import Session


class NotRenderable(Invalid):
    """A description that cannot be said elsewhere without losing a protection."""


def check_sandboxed(session: Session) -> None:
    """Raise `NotRenderable` for a session whose operator does without the sandbox."""
    if not session.sandboxed:
        raise NotRenderable(
            "This session does without the sandbox, and elsewhere there is none but the safe form. "
            "Take “sandbox” out of the setting `without`, then render it again."
        )
