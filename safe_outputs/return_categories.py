"""Why requests are returned, as a short list of categories beside the checker's own words, so that they can be counted.

The list is versioned: a category is added with the next version and never taken away or given another meaning, so that
what was counted once is counted the same for ever. A rejection has a category as well. Those of before the first
version have none.
"""

from dataclasses import dataclass
from enum import StrEnum

from safe_outputs.errors import MalformedRequest

VERSION = 1


class Category(StrEnum):
    """The main reason for which an output checker does not let a request out as it is."""

    SMALL_COUNTS = "small_counts"
    DOMINANCE = "dominance"
    CLASS_DISCLOSURE = "class_disclosure"
    DIFFERENCING = "differencing"
    INDIVIDUALS = "individuals"
    CONTEXT_MISSING = "context_missing"
    WRONG_AUDIENCE = "wrong_audience"
    NOT_WHAT_WAS_ASKED = "not_what_was_asked"
    OTHER_FORM = "other_form"
    OTHER = "other"


@dataclass(frozen=True)
class Described:
    """A category as people read it, and the version of the list with which it came."""

    label: str
    since: int


CATEGORIES: dict[Category, Described] = {
    Category.SMALL_COUNTS: Described("Too few units behind a number", 1),
    Category.DOMINANCE: Described("One unit makes up most of a number", 1),
    Category.CLASS_DISCLOSURE: Described("All or none of a group share a value", 1),
    Category.DIFFERENCING: Described("Can be undone together with another output", 1),
    Category.INDIVIDUALS: Described("Tells of single persons or businesses", 1),
    Category.CONTEXT_MISSING: Described("What is needed to judge it is missing", 1),
    Category.WRONG_AUDIENCE: Described("Not for this audience", 1),
    Category.NOT_WHAT_WAS_ASKED: Described("Not what the project may ask", 1),
    Category.OTHER_FORM: Described("A file needs another form", 1),
    Category.OTHER: Described("Something else", 1),
}

NOT_CHOSEN = "Choose the main reason from the list, beside your own words, so that returns can be counted."


def category_from(text: str) -> Category:
    """The category that a form or a body names. Raises `MalformedRequest` for none and for one that there is not."""
    try:
        return Category(text)
    except ValueError:
        raise MalformedRequest(NOT_CHOSEN) from None


def required(category: Category | None) -> Category:
    """The category, which has to be there. Raises `MalformedRequest`."""
    if category is None:
        raise MalformedRequest(NOT_CHOSEN)
    return category
