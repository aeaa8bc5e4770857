"""The `saferoom` command: a table of commands, each with its own arguments."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from governance.errors import SaferoomError
from hub_config import demo, services, up
from hub_config.settings import Settings, load


@dataclass(frozen=True)
class Command:
    """What `saferoom <name>` does. `run` gets the settings and the parsed arguments and returns the exit status."""

    name: str
    help: str
    run: Callable[[Settings, argparse.Namespace], int]
    arguments: Callable[[argparse.ArgumentParser], None] = lambda parser: None


COMMANDS: tuple[Command, ...] = (
    Command("up", "start Saferoom and stay in the foreground until Ctrl-C", up.run),
    Command("demo", "set up a demonstration, walk through it, and stay up", demo.run, demo.arguments),
    Command("code", "print a demo person's password and one-time code", demo.print_code, demo.code_arguments),
    Command("outputs", "serve the outputs service (the hub starts this)", services.outputs),
    Command("checker", "compute and check statistics (the hub starts this)", services.checker),
)

SETTINGS = ("config", "state", "port", "bind")


def parser(commands: Sequence[Command] = COMMANDS) -> argparse.ArgumentParser:
    """The command line. The settings among the flags are the same for every command."""
    top = argparse.ArgumentParser(prog="saferoom", description="A secure research data access environment.")
    parts = top.add_subparsers(dest="command", required=True, metavar="command")
    for command in commands:
        part = parts.add_parser(command.name, help=command.help, description=command.help)
        part.add_argument("--config", metavar="FILE", help="settings in TOML")
        part.add_argument("--state", metavar="FOLDER", help="where state lives (default: state)")
        part.add_argument("--port", metavar="NUMBER", help="where it listens (default: 8000)")
        part.add_argument("--bind", metavar="ADDRESS", help="the address it listens on (default: 127.0.0.1)")
        command.arguments(part)
    return top


def main(arguments: Sequence[str] | None = None, commands: Sequence[Command] = COMMANDS) -> int:
    """Run a command. An error that a person can act on becomes one sentence and status 1."""
    given = parser(commands).parse_args(arguments)
    command = next(command for command in commands if command.name == given.command)
    try:
        return command.run(load({key: getattr(given, key) for key in SETTINGS}), given)
    except SaferoomError as error:
        print(f"saferoom: {error.sentence}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
