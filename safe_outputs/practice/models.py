"""What output checkers answered to practice cases. Stands apart from everything that is about real requests."""

from datetime import datetime

from sqlalchemy import JSON, Enum, ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from governance.database import Base, UtcDateTime
from safe_outputs.transitions import Vote


class PracticeAnswer(Base):
    """One attempt at one version of a case. `marked` are the defects that she marked, by name."""

    __tablename__ = "practice_answer"
    __table_args__ = (UniqueConstraint("person", "case_id", "version", "attempt"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("person.name"), index=True)
    case_id: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    attempt: Mapped[int]
    vote: Mapped[Vote] = mapped_column(
        Enum(Vote, native_enum=False, length=32, values_callable=lambda votes: [vote.value for vote in votes])
    )
    marked: Mapped[list[str]] = mapped_column(JSON)
    comment: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
