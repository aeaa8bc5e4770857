"""The `saferoom` command: a table of commands, each with its own arguments.

The table names functions; only the chosen command's module is imported, since some need seconds to load.
"""

import argparse
import pkgutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from governance.errors import SaferoomError
from hub_config.settings import load


@dataclass(frozen=True)
class Command:
    """What `saferoom <name>` does.

    `run` names a function (`module:function`) that gets the settings and the parsed arguments and returns the exit
    status; `arguments` one that adds arguments of its own to the command's parser.
    """

    name: str
    help: str
    run: str
    arguments: str | None = None


COMMANDS: tuple[Command, ...] = (
    Command("up", "start Saferoom and stay in the foreground until Ctrl-C", "hub_config.up:run"),
    Command(
        "demo",
        "set up a demonstration, walk through it, and stay up",
        "hub_config.demo:run",
        "hub_config.demo:arguments",
    ),
    Command(
        "code",
        "print a demo person's password and one-time code",
        "hub_config.demo:print_code",
        "hub_config.demo:code_arguments",
    ),
    Command("doctor", "look whether this machine has what the safe setting needs", "hub_config.doctor:run"),
    Command(
        "people",
        "care for the register's people (unlock NAME, email NAME ADDRESS)",
        "hub_config.people_commands:run",
        "hub_config.people_commands:arguments",
    ),
    Command(
        "review",
        "say how many output checkers a project's requests need",
        "hub_config.review_commands:run",
        "hub_config.review_commands:arguments",
    ),
    Command(
        "checkers",
        "show and set what output checkers can judge and who is away (skill, away, need)",
        "hub_config.checker_commands:run",
        "hub_config.checker_commands:arguments",
    ),
    Command(
        "release",
        "verify a release package (verify PACKAGE), and care for the keys that sign releases",
        "hub_config.release_commands:run",
        "hub_config.release_commands:arguments",
    ),
    Command(
        "audit",
        "verify the audit chain, export a checkpoint, show events (verify, checkpoint FILE, show)",
        "hub_config.audit_commands:run",
        "hub_config.audit_commands:arguments",
    ),
    Command(
        "render",
        "say a session for Kubernetes or systemd",
        "hub_config.elsewhere.command:run",
        "hub_config.elsewhere.command:arguments",
    ),
    Command("outputs", "serve the outputs service (the hub starts this)", "hub_config.services:outputs"),
    Command(
        "rounds", "send e-mail, and look after what time brings (the hub starts this)", "hub_config.services:rounds"
    ),
    Command("checker", "compute and check statistics (the hub starts this)", "hub_config.services:checker"),
)

SETTINGS = ("config", "state", "port", "bind", "without")


def parser(commands: Sequence[Command] = COMMANDS, chosen: str | None = None) -> argparse.ArgumentParser:
    """The command line. The settings among the flags are the same for every command; the rest is the chosen one's."""
    top = argparse.ArgumentParser(prog="saferoom", description="A secure research data access environment.")
    parts = top.add_subparsers(dest="command", required=True, metavar="command")
    for command in commands:
        part = parts.add_parser(command.name, help=command.help, description=command.help)
        part.add_argument("--config", metavar="FILE", help="settings in TOML")
        part.add_argument("--state", metavar="FOLDER", help="where state lives (default: state)")
        part.add_argument("--port", metavar="NUMBER", help="where it listens (default: 8000)")
        part.add_argument("--bind", metavar="ADDRESS", help="the address it listens on (default: 127.0.0.1)")
        part.add_argument("--without", metavar="NAMES", help="protections to do without, by name (see doctor)")
        if command.arguments and command.name == chosen:
            pkgutil.resolve_name(command.arguments)(part)
    return top


def main(arguments: Sequence[str] | None = None, commands: Sequence[Command] = COMMANDS) -> int:
    """Run a command. An error that a person can act on becomes one sentence and status 1."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    given = parser(commands, chosen=words[0] if words else None).parse_args(words)
    command = next(command for command in commands if command.name == given.command)
    try:
        settings = load({key: getattr(given, key) for key in SETTINGS})
        run: Any = pkgutil.resolve_name(command.run)
        return int(run(settings, given))
    except SaferoomError as error:
        print(f"saferoom: {error.sentence}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
