"""The start page: what a person reads before she starts a session, in words and as the inside of the hub's form."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hub_config.idleness import announcement
from hub_config.session import Session

TEMPLATES = Path(__file__).parent / "templates"

_pages = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)


@dataclass(frozen=True)
class StartPage:
    """What a person reads before she starts a session."""

    project: str
    datasets: tuple[tuple[str, str], ...]
    sentences: tuple[str, ...]
    notices: tuple[str, ...]


def start_page(session: Session, today: date) -> StartPage:
    """The start page's words: the project, its data, what is left of the right, and how results leave."""
    datasets = tuple((copy.dataset, f"v{copy.version}, {counted(copy.rows, 'row')}") for copy in session.copies)
    no_data = () if datasets else ("No data has been provided to this project yet. Ask the data steward.",)
    return StartPage(
        project=session.project_name,
        datasets=datasets,
        sentences=(
            *no_data,
            training_sentence(session.training_until, today),
            "Nothing can be downloaded; statistics leave through review. "
            "What you display is recorded when it is large. "
            "Nothing stops you from copying by hand what a screen shows; your agreement forbids it.",
            announcement(timedelta(minutes=session.limits.idle)),
        ),
        notices=session.notices,
    )


def training_sentence(training_until: date, today: date) -> str:
    days = (training_until - today).days
    if days < 0:
        return f"Your training ended on {training_until:%-d %B %Y}."
    return "Your training expires today." if days == 0 else f"Your training expires in {counted(days, 'day')}."


def counted(number: int, noun: str) -> str:
    """`1 day`, `20,190 rows`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def render(page: StartPage) -> str:
    """The inside of the form, as HTML. Every word in it is escaped."""
    return _pages.get_template("start_form.html").render(page=page)
