"""How times, sizes, prices and other people's text read on a page. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo

from datasets.release_policy import Kind
from governance.zones import UTC_NAME, is_ambiguous, name_of
from safe_outputs.answers import AUDIENCES, PolicyUsed
from safe_outputs.files.characters import hidden_in, marked
from safe_outputs.releases.release_policy import PLURALS
from safe_outputs.statistics import Crosstab, Private, population_in_words

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_STEPS = (
    (_MINUTE, 1, "second"),
    (_HOUR, _MINUTE, "minute"),
    (2 * _DAY, _HOUR, "hour"),
    (21 * _DAY, _DAY, "day"),
    (90 * _DAY, 7 * _DAY, "week"),
)


def ago(then: datetime, present: datetime, zone: tzinfo = UTC) -> str:
    """How long ago, in the largest unit that still says something: “3 hours ago”; in the end the zone's day."""
    seconds = (present - then).total_seconds()
    if seconds < 10:
        return "just now"
    for below, unit, name in _STEPS:
        if seconds < below:
            return f"{count(int(seconds // unit), name)} ago"
    return f"on {day(then, zone)}"


def due(then: datetime, present: datetime) -> str:
    """By when, as far off as it still is: “due in 2 days”, “overdue by 3 hours”."""
    seconds = abs((then - present).total_seconds())
    unit, name = (_DAY, "day") if seconds >= 2 * _DAY else (_HOUR, "hour")
    number = int(seconds // unit)
    far = count(number, name) if number else "less than an hour"
    return f"due in {far}" if then > present else f"overdue by {far}"


def day(then: datetime, zone: tzinfo = UTC) -> str:
    """The day on which it was in a zone: “22 November 2026”."""
    local = then.astimezone(zone)
    return f"{local.day} {local:%B %Y}"


def exact(then: datetime, zone: tzinfo = UTC) -> str:
    """The moment as the clocks of a zone have it: “22 November 2026, 10:35 (Europe/Paris)”, “…, 09:35 UTC”.

    Of a time that they show twice, when they are put back, it says which of the two: “(Europe/Paris, UTC+2)”.
    """
    time = f"{day(then, zone)}, {then.astimezone(zone):%H:%M}"
    name = name_of(zone)
    if name == UTC_NAME:
        return f"{time} UTC"
    return f"{time} ({name}, {_offset(then, zone)})" if is_ambiguous(then, zone) else f"{time} ({name})"


def _offset(then: datetime, zone: tzinfo) -> str:
    """How far the zone is from UTC at a moment: “UTC+2”, “UTC−3:30”."""
    hours, minutes = then.astimezone(zone).strftime("%z")[:3], then.astimezone(zone).strftime("%z")[3:5]
    sign = "−" if hours.startswith("-") else "+"
    return f"UTC{sign}{int(hours[1:])}{'' if minutes == '00' else ':' + minutes}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """“1 statistic”, “2 statistics”, “5,912 persons”."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def size(number: int) -> str:
    """A number of bytes, as people read it."""
    return count(number, "byte") if number < 1000 else f"{number / 1000:,.1f} kB"


def rho(nano_rho: int) -> str:
    """Billionths of ρ as ρ, with no digit lost and none too many."""
    text = f"{nano_rho // 10**9}.{nano_rho % 10**9:09d}"
    return text.rstrip("0").rstrip(".")


def scope(name: str) -> str:
    """The name of a budget: `project:heron` reads “project heron”."""
    return name.replace(":", " ", 1)


def population(plan: Crosstab | Private) -> str:
    """Which rows a plan looks at: “site is Dayton and year is at least 2”; empty when it looks at all."""
    return population_in_words(plan)


def policy(used: PolicyUsed) -> str:
    """The owner's rules for what a statistic tells: “counts – pre-publication: exact, publication: private; …”."""
    return "; ".join(f"{PLURALS[Kind(kind)]} – {_rules(by)}" for kind, by in used.rules.items())


def _rules(by_audience: Mapping[str, str]) -> str:
    return ", ".join(f"{AUDIENCES[audience].split(',')[0]}: {rule}" for audience, rule in by_audience.items())


def percent(share: float) -> str:
    return f"{share * 100:g} %"


def number(value: float) -> str:
    """A measured number without digits that mean nothing."""
    return f"{value:,.0f}" if value >= 10 else f"{value:,.3g}"


def visible(text: str) -> str:
    """Text with every character that would not show, or would turn the text around, written out as ⟦U+202E⟧."""
    return marked(text.replace("\r\n", "\n"))


def hidden_characters(text: str) -> int:
    """How many characters `visible` writes out."""
    return hidden_in(text.replace("\r\n", "\n"))


HISTORY: Mapping[str, str] = {
    "request.drafted": "drafted the request",
    "request.edited": "changed the draft",
    "request.checklist": "answered questions of the checklist",
    "request.submitted": "submitted it for review",
    "request.in_review": "began the review",
    "request.voted": "voted",
    "request.changes_requested": "returned it to its author for changes",
    "request.approved": "recorded the approval",
    "request.rejected": "recorded the rejection",
    "request.released": "released it",
    "request.not_released": "could not release it, and will try again",
    "request.recalled": "recalled the release",
    "request.withdrawn": "withdrew it",
    "ingress.asked": "asked to bring it in",
    "ingress.scanned": "scanned it",
    "ingress.accepted": "accepted it",
    "ingress.delivered": "delivered it",
    "ingress.declined": "declined it",
    "ingress.withdrawn": "withdrew it",
    "request.assigned": "asked an output checker to review it",
    "request.unassigned": "handed the review on",
    "request.due_soon": "reminded those who review it",
    "request.overdue": "found the review overdue",
    "request.nobody_to_ask": "found too few output checkers to ask",
    "request.question": "asked the author",
    "request.answer": "answered",
    "request.comment": "commented",
    "request.note": "commented for output checkers",
}


def happened(action: str) -> str:
    """What an audit event says, as the end of a sentence that begins with its actor."""
    return HISTORY.get(action, action)
