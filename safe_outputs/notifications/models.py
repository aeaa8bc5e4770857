"""What people were told, what they chose of e-mail, and what waits to be sent."""

from datetime import datetime

from sqlalchemy import Enum, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from governance.database import Base, UtcDateTime
from safe_outputs.notifications.kinds import Choice, Kind


def _enum(kind: type[Kind] | type[Choice]) -> Enum:
    return Enum(kind, native_enum=False, length=32, values_callable=lambda values: [value.value for value in values])


class OutgoingMail(Base):
    """An e-mail to one person, made when it is tried from the notifications that name it.

    `token` is part of its Message-ID, the same at each try. It is done with once `sent_at` or `given_up_at` is set.
    """

    __tablename__ = "outgoing_mail"

    id: Mapped[int] = mapped_column(primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("person.name"))
    token: Mapped[str] = mapped_column(Text, unique=True)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    given_up_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Notification(Base):
    """One thing that one person is told. `subject` is the id of a request, `project_id` that of its project.

    `email` is what she had chosen when she was told; `mail_id` the e-mail that tells it, once there is one.
    """

    __tablename__ = "notification"
    __table_args__ = (Index("ix_notification_person_read_at", "person", "read_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("person.name"))
    kind: Mapped[Kind] = mapped_column(_enum(Kind))
    subject: Mapped[str] = mapped_column(Text)
    project_id: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    email: Mapped[Choice] = mapped_column(_enum(Choice))
    mail_id: Mapped[int | None] = mapped_column(ForeignKey("outgoing_mail.id"), index=True)


class EmailChoice(Base):
    """When a person wants an e-mail of one kind; without a row, what the table of kinds says."""

    __tablename__ = "email_choice"

    person: Mapped[str] = mapped_column(ForeignKey("person.name"), primary_key=True)
    kind: Mapped[Kind] = mapped_column(_enum(Kind), primary_key=True)
    choice: Mapped[Choice] = mapped_column(_enum(Choice))
