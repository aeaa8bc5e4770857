"""What people can be told, as a table. A sentence names a request and a project by their ids, and nothing else.

Titles, comments, file names and values have no way into a notification, since `Words.sentence` takes none. Nor has what
a checker did in a blind turn: no kind says that somebody voted.
"""

from dataclasses import dataclass
from enum import StrEnum

from governance.people import Role


class Choice(StrEnum):
    """When a person gets an e-mail of a kind of notification. In the application she always finds it."""

    NOW = "now"
    DAILY = "daily"
    OFF = "off"


class Kind(StrEnum):
    ASSIGNED = "assigned"
    ANSWER = "answer"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    QUESTION = "question"
    RETURNED = "returned"
    APPROVED = "approved"
    RELEASED = "released"
    REJECTED = "rejected"
    LAPSED = "lapsed"
    RECALLED = "recalled"
    FROM_YOUR_DATA = "from_your_data"
    HELD_UP = "held_up"
    MISSING = "missing"


@dataclass(frozen=True)
class Words:
    """`name` is the kind's in a person's settings, `path` where the link leads (below the outputs service).

    `{id}` stands for the request, which has the release's id too, `{project}` for its project. `roles` are those who
    are ever told; `email` is what holds for who has chosen nothing.
    """

    name: str
    sentence: str
    path: str
    roles: frozenset[Role]
    email: Choice = Choice.NOW


_REQUEST = "requests/{id}"
_CHECKERS = frozenset({Role.OUTPUT_CHECKER})
_OPERATORS = frozenset({Role.OPERATOR})
_RESEARCHERS = frozenset({Role.RESEARCHER})

KINDS: dict[Kind, Words] = {
    Kind.ASSIGNED: Words(
        "A request is assigned to you",
        "Request {id} of project {project} is assigned to you for review.",
        _REQUEST,
        _CHECKERS,
    ),
    Kind.ANSWER: Words(
        "A question of yours is answered",
        "A question about request {id} of project {project} was answered.",
        _REQUEST,
        _CHECKERS,
    ),
    Kind.DUE_SOON: Words(
        "A request that is assigned to you is due soon",
        "Request {id} of project {project}, which is assigned to you, is due soon.",
        _REQUEST,
        _CHECKERS,
    ),
    Kind.OVERDUE: Words(
        "A request that is assigned to you is overdue",
        "Request {id} of project {project}, which is assigned to you, is overdue.",
        _REQUEST,
        _CHECKERS,
    ),
    Kind.QUESTION: Words(
        "An output checker asks something",
        "An output checker asks something about request {id} of project {project}.",
        _REQUEST,
        _RESEARCHERS,
    ),
    Kind.RETURNED: Words(
        "A request comes back for changes",
        "Request {id} of project {project} came back to its author for changes.",
        _REQUEST,
        _RESEARCHERS,
    ),
    Kind.APPROVED: Words(
        "A request is approved",
        "Request {id} of project {project} is approved and about to be released.",
        _REQUEST,
        _RESEARCHERS,
        Choice.OFF,
    ),
    Kind.RELEASED: Words(
        "A request is released", "Request {id} of project {project} was released.", _REQUEST, _RESEARCHERS
    ),
    Kind.REJECTED: Words(
        "A request is rejected", "Request {id} of project {project} was rejected.", _REQUEST, _RESEARCHERS
    ),
    Kind.LAPSED: Words(
        "An approval lapses",
        "The approval of request {id} of project {project} lapsed, so it is back with its author.",
        _REQUEST,
        _RESEARCHERS,
    ),
    Kind.RECALLED: Words(
        "A release is recalled",
        "The release {id} of project {project} was recalled. Do not use copies of it.",
        "team/releases/{id}",
        frozenset({Role.RESEARCHER, Role.DATA_OWNER, Role.OUTPUT_CHECKER}),
    ),
    Kind.FROM_YOUR_DATA: Words(
        "Something is released from your data",
        "Project {project} released {id}, which has something of your data in it.",
        "owner",
        frozenset({Role.DATA_OWNER}),
        Choice.DAILY,
    ),
    Kind.HELD_UP: Words(
        "A review is overdue",
        "The review of request {id} of project {project} is overdue; another output checker is asked, if there is one.",
        "notifications",
        _OPERATORS,
    ),
    Kind.MISSING: Words(
        "Nobody can be asked to review a request",
        "Too few output checkers who may and can review request {id} of project {project} are here.",
        "notifications",
        _OPERATORS,
    ),
}


def kinds_for(role: Role) -> tuple[Kind, ...]:
    """The kinds of which people of a role are ever told, in the order of the table."""
    return tuple(kind for kind, words in KINDS.items() if role in words.roles)
