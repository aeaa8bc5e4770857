"""`saferoom review …`: how many output checkers a project's requests need, and how long they have, by audience."""

import argparse
import getpass

from governance.database import open_database, transaction
from hub_config.settings import Settings
from safe_outputs.assignment import clock
from safe_outputs.checkers_rules import ANY, rules, set_rule
from safe_outputs.transitions import CLOCK_HOURS


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkers", metavar="NUMBER", type=int, nargs="?", help="how many checkers; without: show all")
    parser.add_argument("--hours", metavar="NUMBER", type=int, help="how long the checkers' clock runs for an audience")
    parser.add_argument("--project", metavar="ID", default=ANY, help="a project (default: any)")
    parser.add_argument(
        "--audience", metavar="NAME", default=ANY, help="publication or pre_publication (default: either)"
    )


def run(settings: Settings, given: argparse.Namespace) -> int:
    """Set a rule if a number is given, and show them all. The audit chain keeps which account of this machine did it.

    Raises:
        NotFound: there is no such project.
        MalformedRequest: there is no such audience, or the number is not from 2 to 9.
        Invalid: there is no such audience, or the hours are out of bounds.
    """
    engine = open_database(settings.database_url)
    with transaction(engine) as session:
        if given.checkers is not None:
            set_rule(
                session,
                project=given.project,
                audience=given.audience,
                checkers=given.checkers,
                actor="operator",
                account=getpass.getuser(),
            )
        if given.hours is not None:
            clock.set_hours(session, given.audience, given.hours, actor="operator", account=getpass.getuser())
        hours = [f"{each}: {clock.hours_for(session, each)} hours" for each in CLOCK_HOURS]
        lines = [f"{each.project_id} {each.audience}: {each.checkers} checkers" for each in rules(session)]
    engine.dispose()
    none = ["No rule: every request needs as many checkers as the release terms of its data say."]
    print("\n".join([*(lines or none), *hours]))
    return 0
