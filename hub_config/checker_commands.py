"""`saferoom checkers …`: what output checkers can judge, who is away, and what a dataset asks of them."""

import argparse
import getpass
from collections.abc import Iterator
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from governance.database import now, open_database, transaction
from governance.errors import Invalid
from governance.people import Person, Role
from hub_config.settings import Settings
from safe_outputs.assignment import assigning, skills
from safe_outputs.assignment.models import DatasetSkill
from safe_outputs.assignment.skills import Skill


def arguments(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_subparsers(dest="what", metavar="what")
    skill = parts.add_parser("skill", help="say until when a checker has a skill")
    skill.add_argument("name", metavar="NAME", help="the checker's name in the register")
    skill.add_argument("skill", metavar="SKILL", help=", ".join(Skill))
    away = parts.add_parser("away", help="say until when a checker is away; she can do it herself under Settings")
    away.add_argument("name", metavar="NAME", help="the checker's name in the register")
    for part in (skill, away):
        day = part.add_mutually_exclusive_group(required=True)
        day.add_argument("--until", metavar="YYYY-MM-DD", help="the last day")
        day.add_argument("--none", action="store_true", help="not, or no longer")
    need = parts.add_parser("need", help="say that everything from a dataset needs a skill")
    need.add_argument("dataset", metavar="DATASET", help="the dataset's name")
    need.add_argument("skill", metavar="SKILL", help=", ".join(Skill))
    need.add_argument("--none", action="store_true", help="not, or no longer")


def run(settings: Settings, given: argparse.Namespace) -> int:
    """Change what is asked for, and show how it stands. The audit chain keeps which account of this machine did it.

    Raises:
        NotFound: nobody of that name is in the register.
        Invalid, WrongState: no such skill, no day, or the person is no output checker.
    """
    account = getpass.getuser()
    engine = open_database(settings.database_url)
    with transaction(engine) as session:
        match given.what:
            case "skill":
                skills.set_skill(session, given.name, given.skill, _day(given), actor="operator", account=account)
            case "away":
                assigning.set_absence(session, given.name, _day(given), today=now().date(), actor="operator")
            case "need":
                wanted = not given.none
                skills.set_need(session, given.dataset, given.skill, wanted=wanted, actor="operator", account=account)
        session.flush()
        lines = [*_checkers(session, now().date()), *_datasets(session)]
    engine.dispose()
    print("\n".join(lines or ["There is no output checker in the register."]))
    return 0


def _day(given: argparse.Namespace) -> date | None:
    if given.none:
        return None
    try:
        return date.fromisoformat(given.until)
    except ValueError:
        raise Invalid(f"“{given.until[:40]}” is no day. Write it like 2027-03-31.") from None


def _checkers(session: Session, today: date) -> Iterator[str]:
    has = skills.skills_on(session, today)
    for name in session.scalars(select(Person.name).where(Person.role == Role.OUTPUT_CHECKER).order_by(Person.name)):
        until = assigning.away_until(session, name, today)
        away = f"; away until {until.isoformat()}" if until else ""
        yield f"{name}: {', '.join(sorted(has.get(name, ()))) or 'no special skill'}{away}"


def _datasets(session: Session) -> Iterator[str]:
    for each in session.scalars(select(DatasetSkill).order_by(DatasetSkill.dataset, DatasetSkill.skill)):
        yield f"dataset {each.dataset} needs {each.skill}"
