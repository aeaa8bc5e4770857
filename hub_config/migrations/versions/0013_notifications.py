"""What people are told, what they chose of e-mail, and the e-mail that waits to be sent.

Revision 0013, 2026-11-26. The tables begin empty: of what happened before nobody is told.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_KINDS = (
    "assigned",
    "answer",
    "due_soon",
    "overdue",
    "question",
    "returned",
    "approved",
    "released",
    "rejected",
    "lapsed",
    "recalled",
)


def upgrade() -> None:
    op.create_table(
        "outgoing_mail",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(), nullable=True),
        sa.Column("sent_at", sa.DateTime(), nullable=True),
        sa.Column("given_up_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["person"], ["person.name"], name="fk_outgoing_mail_person"),
        sa.PrimaryKeyConstraint("id", name="pk_outgoing_mail"),
        sa.UniqueConstraint("token", name="uq_outgoing_mail_token"),
    )
    op.create_index("ix_outgoing_mail_next_try_at", "outgoing_mail", ["next_try_at"])
    op.create_table(
        "notification",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("kind", _kind(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("read_at", sa.DateTime(), nullable=True),
        sa.Column("email", _choice(), nullable=False),
        sa.Column("mail_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["person"], ["person.name"], name="fk_notification_person"),
        sa.ForeignKeyConstraint(["mail_id"], ["outgoing_mail.id"], name="fk_notification_mail_id"),
        sa.PrimaryKeyConstraint("id", name="pk_notification"),
    )
    op.create_index("ix_notification_person_read_at", "notification", ["person", "read_at"])
    op.create_index("ix_notification_mail_id", "notification", ["mail_id"])
    op.create_table(
        "email_choice",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("kind", _kind(), nullable=False),
        sa.Column("choice", _choice(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.name"], name="fk_email_choice_person"),
        sa.PrimaryKeyConstraint("person", "kind", name="pk_email_choice"),
    )


def _kind() -> sa.Enum:
    return sa.Enum(*_KINDS, name="kind", native_enum=False, length=32)


def _choice() -> sa.Enum:
    return sa.Enum("now", "daily", "off", name="choice", native_enum=False, length=32)


def downgrade() -> None:
    for table in ("email_choice", "notification", "outgoing_mail"):
        op.drop_table(table)
