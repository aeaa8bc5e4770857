"""What assignment keeps. Each change has its event in the audit chain, in one transaction (I8)."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from governance.database import Base, UtcDateTime


class Stage(StrEnum):
    """How far a review is held up. Each is reached once in a turn."""

    MISSING = "nobody_to_ask"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"


class Assignment(Base):
    """An output checker is asked to review a request in one turn. It stands until `ended_at`; `ended_because` says why.

    It says nothing of whether she has voted.
    """

    __tablename__ = "assignment"
    __table_args__ = (
        UniqueConstraint("request_id", "turn", "checker"),
        Index("ix_assignment_checker_ended_at", "checker", "ended_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("release_request.id"))
    turn: Mapped[int]
    checker: Mapped[str] = mapped_column(ForeignKey("person.name"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_because: Mapped[str | None] = mapped_column(Text)


class CheckerSkill(Base):
    """A skill that a checker has, up to and including a day."""

    __tablename__ = "checker_skill"

    person: Mapped[str] = mapped_column(ForeignKey("person.name"), primary_key=True)
    skill: Mapped[str] = mapped_column(Text, primary_key=True)
    until: Mapped[date]


class DatasetSkill(Base):
    """A skill that everything from a dataset needs."""

    __tablename__ = "dataset_skill"

    dataset: Mapped[str] = mapped_column(Text, primary_key=True)
    skill: Mapped[str] = mapped_column(Text, primary_key=True)


class Absence(Base):
    """A person is away up to and including a day."""

    __tablename__ = "absence"

    person: Mapped[str] = mapped_column(ForeignKey("person.name"), primary_key=True)
    until: Mapped[date]


class ClockRule(Base):
    """How many hours the checkers have for a request of an audience, if others than the table says."""

    __tablename__ = "clock_rule"

    audience: Mapped[str] = mapped_column(Text, primary_key=True)
    hours: Mapped[int]


class Escalation(Base):
    """What was done about a request in one turn because of time, each stage once."""

    __tablename__ = "escalation"

    request_id: Mapped[str] = mapped_column(ForeignKey("release_request.id"), primary_key=True)
    turn: Mapped[int] = mapped_column(primary_key=True)
    stage: Mapped[str] = mapped_column(Text, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
