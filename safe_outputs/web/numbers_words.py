"""How the numbers read: durations, sentences and labels, for page, plots and JSON alike. Pure."""

from datetime import date

from safe_outputs.answers import audience_in_words
from safe_outputs.numbers.agreement import FEWEST_TURNS, Agreement
from safe_outputs.numbers.passage import Stage
from safe_outputs.numbers.spread import FEWEST, MEDIAN, NINETIETH, Spread
from safe_outputs.numbers.summary import Numbers, Overrides, Returns, Turnaround
from safe_outputs.return_categories import CATEGORIES, Category
from safe_outputs.transitions import Vote
from safe_outputs.web import words

TOO_FEW = "too few to tell"
HOUR, DAY = 3600, 86_400
STAGES = {
    Stage.WAITING: "Waiting for the first vote",
    Stage.IN_REVIEW: "In review",
    Stage.WITH_AUTHOR: "With the author",
    Stage.TO_RELEASE: "Approved, until released",
}
VOTES = {Vote.APPROVE: "approve", Vote.REQUEST_CHANGES: "ask for changes", Vote.REJECT: "reject"}
NOT_SAID = "No category: from before there were any"


def lasting(seconds: float | None) -> str:
    """A duration in the largest unit that still says something: “1.2 days”, “3 hours”; None is too few to tell."""
    if seconds is None:
        return TOO_FEW
    if seconds < 60:
        return "under a minute"
    if seconds < HOUR:
        return words.count(round(seconds / 60), "minute")
    if seconds < 2 * DAY:
        return _decimal(seconds / HOUR, "hour")
    return _decimal(seconds / DAY, "day")


def in_cell(seconds: float | None) -> str:
    """A duration in a table, whose heading says what it is."""
    return "too few" if seconds is None else lasting(seconds)


def _decimal(number: float, unit: str) -> str:
    """One decimal below ten, none from there on: “1.2 days”, “12 days”, “1 hour”."""
    text = f"{number:.1f}".removesuffix(".0") if number < 9.95 else f"{number:.0f}"
    return f"{text} {unit}" if text == "1" else f"{text} {unit}s"


def in_head(found: Spread) -> str:
    """The queue's head: “median 1.2 days · 90 % within 3 days”; empty where there are too few to tell."""
    if found.median is None:
        return ""
    ninety = f" · 90 % within {lasting(found.ninetieth)}" if found.ninetieth is not None else ""
    return f"median {lasting(found.median)}{ninety}"


def first_sentence(found: Numbers) -> str:
    """The most important number, in words."""
    clock = found.overall.checkers
    if clock.median is None:
        decided = "No request was" if not clock.count else f"{words.count(clock.count, 'request')} {_was(clock.count)}"
        return (
            f"{decided} decided in these twelve months: {TOO_FEW} how long a review takes. "
            f"A median takes {FEWEST[MEDIAN]} decisions, a 90th percentile {FEWEST[NINETIETH]}."
        )
    ninety = f", 90 % within {lasting(clock.ninetieth)}" if clock.ninetieth is not None else ""
    return f"Half of the requests are decided within {lasting(clock.median)} of checkers’ time{ninety}."


def second_sentence(found: Numbers) -> str:
    """From the first submission to the decision, as the author lives it."""
    if found.overall.elapsed.median is None:
        return ""
    ninety = found.overall.elapsed.ninetieth
    more = f", 90 % within {lasting(ninety)}" if ninety is not None else ""
    return (
        f"For the author, half have their decision within {lasting(found.overall.elapsed.median)} of the first "
        f"submission{more}; {in_time(found.overall)} within the promised time."
    )


def in_time(found: Turnaround) -> str:
    """“46 of 57”."""
    return f"{found.in_time} of {found.checkers.count}"


def returns_sentence(found: Returns) -> str:
    if not found.turns:
        return "No turn is over yet, so nothing came back."
    return f"{found.returned} of {words.count(found.turns, 'turn')} went back to the author for changes."


def agreement_sentence(found: Agreement) -> str:
    """How often first votes differed, and alpha with what it means."""
    if not found.turns:
        return "No turn with two first votes is over yet."
    differed = f"In {found.differed} of {words.count(found.turns, 'turn')} the first votes of the checkers differed."
    return f"{differed} {alpha_sentence(found)}"


def alpha_sentence(found: Agreement) -> str:
    if found.alpha is not None:
        return (
            f"Krippendorff’s alpha is {found.alpha:.2f}: 1 is full agreement, 0 is what votes drawn by lot would have."
        )
    if found.turns < FEWEST_TURNS:
        return f"Krippendorff’s alpha takes {FEWEST_TURNS} turns: {TOO_FEW}."
    return "Everybody always voted the same, so Krippendorff’s alpha says nothing."


def overrides_sentence(found: Overrides) -> str:
    if not found.referred:
        return "No decided request had a finding that leaves the judgement to a person."
    return (
        f"A finding left the judgement to a person in {words.count(found.referred, 'decided request')}; "
        f"output checkers approved {found.approved} of them."
    )


def month(of: str) -> str:
    """“2026-11” as “Nov 26”."""
    return f"{date.fromisoformat(of + '-01'):%b %y}"


def reason_label(category: Category | None) -> str:
    return NOT_SAID if category is None else CATEGORIES[category].label


def audience_label(audience: str) -> str:
    return audience_in_words(audience).capitalize()


def _was(count: int) -> str:
    return "was" if count == 1 else "were"
