"""The start page's form, from the words in `session.StartPage`."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hub_config.session import StartPage

TEMPLATES = Path(__file__).parent / "templates"

_pages = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)


def render(page: StartPage) -> str:
    """The inside of the form, as HTML. Every word in it is escaped."""
    return _pages.get_template("start_form.html").render(page=page)
