"""What templates call: words, times and whose move it is. Text that people wrote goes through `visible`."""

import hashlib
from collections.abc import Callable
from datetime import datetime, tzinfo
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from flask import Flask, current_app, g, request, url_for
from flask_wtf.csrf import generate_csrf
from jinja2 import ChoiceLoader, PackageLoader, PrefixLoader
from markupsafe import Markup, escape

from governance.database import now
from governance.people import Role
from governance.zones import zone_named
from safe_outputs.lists.lines import ReleaseLine, RequestLine
from safe_outputs.remembered import Remembered
from safe_outputs.return_categories import CATEGORIES
from safe_outputs.transitions import Owner, RemarkKind, Vote
from safe_outputs.web import words
from safe_outputs.web.service import service
from safe_outputs.web.when_sent import Fill, Pieces, filled, is_left_open, left_open, pieces_of, place

STATIC = Path(__file__).parent / "static"

VOTED = {
    Vote.APPROVE: "approved",
    Vote.REQUEST_CHANGES: "asked for changes",
    Vote.REJECT: "rejected",
}

OWN_PAGES = {
    Role.OUTPUT_CHECKER: (("queue.desk", "Queue"), ("numbers.page", "Numbers"), ("practice.desk", "Practice")),
    Role.RESEARCHER: (
        ("author.requests", "Requests"),
        ("ingress.mine", "Bringing in"),
        ("packages.packages", "Packages"),
    ),
    Role.DATA_OWNER: (("owner.desk", "Your data"),),
    Role.DATA_STEWARD: (("ingress.desk", "Bringing in"),),
    Role.OPERATOR: (("packages.packages", "Packages"), ("numbers.page", "Numbers")),
}
"""What stands first in each role's navigation."""

SAID = {
    RemarkKind.QUESTION: "asked",
    RemarkKind.ANSWER: "answered",
    RemarkKind.COMMENT: "commented, for all",
    RemarkKind.NOTE: "commented, for output checkers only",
    RemarkKind.RETURNED: "returned it to its author",
    RemarkKind.LAPSED: "ended the approval",
    RemarkKind.RECALLED: "recalled the release",
}

_ORDINALS = ("1st", "2nd", "3rd")


def whose_move(line: RequestLine) -> str:
    """For an output checker: who has to act on this request."""
    match line.move:
        case Owner.CHECKERS if line.differ:
            return f"{'Yours' if line.mine else 'Others’'}: {line.votes} votes differ, to be consolidated"
        case Owner.CHECKERS:
            wanted = f"{ordinal(line.votes + 1)} of {line.checkers_needed} checkers"
            return f"Yours, {wanted}" if line.mine else f"Another’s, {wanted}"
        case Owner.AUTHOR if line.questions:
            return f"The author’s, to answer {words.count(line.questions, 'question')}"
        case Owner.AUTHOR:
            return "The author’s"
        case Owner.SYSTEM:
            return "Saferoom’s: it is about to be released"
        case Owner.NOBODY:
            return line.state_in_words.capitalize()


def whose_move_for_author(line: RequestLine) -> str:
    """For the people of its project: who has to act on this request."""
    match line.move:
        case Owner.CHECKERS:
            return f"The output checkers’: {line.votes} of {line.checkers_needed} have voted"
        case Owner.AUTHOR if line.questions:
            return f"The author’s: {words.count(line.questions, 'question')} to answer"
        case Owner.AUTHOR:
            return f"The author’s: it is {line.state_in_words}"
        case Owner.SYSTEM:
            return "Saferoom’s: it is approved and about to be released"
        case Owner.NOBODY:
            return line.state_in_words.capitalize()


def ordinal(number: int) -> str:
    """“1st”, “2nd”, “3rd”, “4th” (there are never more than nine checkers)."""
    return _ORDINALS[number - 1] if number <= len(_ORDINALS) else f"{number}th"


def readers_zone() -> tzinfo:
    """The zone in which the page's reader wants her times: her own, or else the service's."""
    reader = g.get("reader")
    return zone_named((reader.zone if reader else None) or service().settings.time_zone)


def moment(then: datetime) -> Markup:
    """How long ago, with the moment itself for whoever points at it, and for machines."""
    return _at(then, "moment")


def _at(then: datetime, kind: str) -> Markup:
    told = then.isoformat()
    return place(kind, told) if is_left_open() else Markup(fills()[kind](told))  # noqa: S704 - fills give markup


@lru_cache(maxsize=4096)
def _moment(then: datetime, zone: tzinfo, ago: str) -> Markup:
    sign = Markup('<time class="sr-time" datetime="{}" title="{}">{}</time>')
    return sign.format(then.isoformat(), words.exact(then, zone), ago)


FILTERS: dict[str, Callable[..., Any]] = {
    "exact": lambda then: _at(then, "exact"),
    "quantity": words.count,
    "size": words.size,
    "rho": words.rho,
    "scope": words.scope,
    "policy": words.policy,
    "percent": words.percent,
    "number": words.number,
    "visible": lambda text: words.visible(str(text)),
    "visible_pairs": lambda pairs: [(label, words.visible(str(text))) for label, text in pairs],
    "hidden_characters": words.hidden_characters,
    "happened": words.happened,
    "voted": VOTED.__getitem__,
    "said": SAID.__getitem__,
    "main_reason": lambda category: CATEGORIES[category].label,
    "due": lambda then: _at(then, "due"),
    "whose_move": whose_move,
    "whose_move_for_author": whose_move_for_author,
}


def fills() -> dict[str, Fill]:
    """What stands in the places that a page leaves open, for who reads it now. As markup."""
    at, zone = now(), readers_zone()

    def moment_at(told: str) -> Markup:
        then = datetime.fromisoformat(told)
        return _moment(then, zone, words.ago(then, at, zone))

    return {
        "moment": moment_at,
        "exact": lambda told: escape(words.exact(datetime.fromisoformat(told), zone)),
        "due": lambda told: escape(words.due(datetime.fromisoformat(told), at)),
        "menu": lambda _: _menu(),
        "token": lambda _: escape(generate_csrf()),
    }


AGAIN: dict[str, Fill] = {kind: partial(place, kind) for kind in ("moment", "exact", "due", "menu", "token")}
"""The same places, left open."""


def sent(pieces: Pieces) -> str:
    """A page that was rendered with open places, for who reads it now."""
    return filled(pieces, fills())


def without_token(text: str) -> str:
    """A page with an open place for the token of its forms: it is no other's, and cannot be guessed."""
    return text.replace(str(generate_csrf()), place("token")) if "csrf_token" in text else text


def register(app: Flask) -> None:
    """Give templates their filters, the page components and what stands on every page."""
    components = PrefixLoader({name: PackageLoader(name) for name in ("govuk_frontend_jinja", "govuk_frontend_wtf")})
    app.jinja_env.loader = ChoiceLoader([app.create_global_jinja_loader(), components])
    app.jinja_env.filters.update(FILTERS)
    app.jinja_env.globals |= {"asset": asset, "url_for": address, "moment": moment}
    app.jinja_env.globals |= {"shown_line": shown_line, "shown_releases": shown_releases, "menu": menu}
    app.context_processor(_everywhere)


WHOSE: dict[str, Callable[[RequestLine], str]] = {"checker": whose_move, "author": whose_move_for_author}


def shown_line(line: RequestLine, whose: str) -> Markup:
    """A row of a list."""
    return _fragment("line.html", line=line, move=WHOSE[whose](line))


def shown_releases(lines: tuple[ReleaseLine, ...]) -> Markup:
    """Releases as a list, newest first."""
    return _fragment("release_lines.html", lines=lines)


def _fragment(template: str, **values: Any) -> Markup:
    """The template with these values, rendered once: it reads the same for everybody, but for its open places."""

    def render() -> Pieces:
        with left_open():
            return pieces_of(current_app.jinja_env.get_template(template).render(values))

    pieces = _FRAGMENTS.get((template, *values.values(), request.script_root), render, lambda made: sum(map(len, made)))
    return Markup(filled(pieces, AGAIN if is_left_open() else fills()))  # noqa: S704 - the template escapes


_FRAGMENTS: Remembered[Pieces] = Remembered(8_000_000)
"""Of so many characters."""


def asset(name: str) -> str:
    """The address of a static file, with its hash, so that browsers may keep it."""
    return address("static", name=name, v=_digest(name))


def address(endpoint: str, **values: Any) -> str:
    """`url_for`, which takes long, made once for each page: addresses depend on nothing but what is given."""
    if endpoint.startswith("."):
        return url_for(endpoint, **values)
    return _address(request.script_root, endpoint, tuple(values.items()))


@lru_cache(maxsize=8192)
def _address(_root: str, endpoint: str, values: tuple[tuple[str, Any], ...]) -> str:
    return url_for(endpoint, **dict(values))


@cache
def _digest(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def _everywhere() -> dict[str, Any]:
    reader = g.get("reader")
    return {
        "person": reader,
        "notices": service().settings.notices,
    }


def menu() -> Markup:
    """The menu of whoever reads the page."""
    return place("menu") if is_left_open() else _menu()


def _menu() -> Markup:
    return _fragment("menu.html", navigation=_navigation(g.get("reader")))


class Link(NamedTuple):
    """A link of the menu. `current`: it leads to the page on which it stands."""

    href: str
    text: str
    current: bool


def _navigation(reader: Any) -> tuple[Link, ...]:
    if reader is None:
        return _link("public.releases", "What was released"), _link("sign_in.sign_in", "Sign in")
    first = [_link(*each) for each in OWN_PAGES.get(reader.role, ())]
    leave = _link("sign_in.sign_out", f"Sign out ({reader.full_name})")
    told = f"Notifications ({reader.unread})" if reader.unread else "Notifications"
    common = (("notifications.read", told), ("public.releases", "What was released"), ("preferences.read", "Settings"))
    return *first, *(_link(*each) for each in common), leave


def _link(endpoint: str, text: str) -> Link:
    return Link(address(endpoint), text, request.endpoint == endpoint)
