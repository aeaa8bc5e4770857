"""The state of the register that a call sees. What its door has begun to read, its view goes on reading."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from flask import Flask, g
from sqlalchemy.orm import Session

from governance.database import reading
from safe_outputs.web.service import service

_LEFT_OPEN = "saferoom_reading"


@contextmanager
def at_the_door(*, goes_on: bool) -> Iterator[Session]:
    """A reading for the door. `goes_on`: it is left open for the view, until that has read what it needs."""
    with ExitStack() as stack:
        database = stack.enter_context(reading(service().engine))
        yield database
        if goes_on:
            setattr(g, _LEFT_OPEN, (stack.pop_all(), database))


@contextmanager
def state() -> Iterator[Session]:
    """The reading that the door left open, or a new one; closed at the end."""
    left = g.pop(_LEFT_OPEN, None)
    if left is None:
        with reading(service().engine) as database:
            yield database
    else:
        stack, database = left
        with stack:
            yield database


def attach(app: Flask) -> None:
    """Close what no view went on reading, where a call was refused or failed before."""
    app.teardown_request(_close)


def _close(_error: BaseException | None) -> None:
    left = g.pop(_LEFT_OPEN, None)
    if left is not None:
        left[0].close()
