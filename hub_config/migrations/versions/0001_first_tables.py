"""The first tables.

Revision 0001, 2026-11-22.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_event",
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("previous_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_audit_event"),
        sa.UniqueConstraint("hash", name="uq_audit_event_hash"),
    )
    op.create_index("ix_audit_event_subject", "audit_event", ["subject"])

    op.create_table(
        "dataset_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "quarantined",
                "scanned",
                "approved",
                "available",
                "withdrawn",
                name="versionstate",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("catalogue_json", sa.Text(), nullable=False),
        sa.Column("inputs_digest", sa.Text(), nullable=False),
        sa.Column("content_digest", sa.Text(), nullable=False),
        sa.Column("data_digest", sa.Text(), nullable=False),
        sa.Column("manifest_digest", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("scan", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dataset_version"),
        sa.UniqueConstraint("dataset", "number", name="uq_dataset_version_dataset_number"),
    )
    op.create_index("ix_dataset_version_dataset", "dataset_version", ["dataset"])

    op.create_table(
        "person",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("full_name", sa.Text(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "researcher",
                "output_checker",
                "data_owner",
                "data_steward",
                "operator",
                name="role",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("accredited_until", sa.Date(), nullable=False),
        sa.Column("training_until", sa.Date(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("totp_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("totp_last_step", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_person"),
    )
    op.create_table(
        "project",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column(
            "purpose_class",
            sa.Enum(
                "research",
                "official_statistics",
                "public_service",
                "fraud_and_debt",
                name="purposeclass",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "submitted",
                "agreed",
                "accredited",
                "active",
                "paused",
                "closed",
                name="projectstate",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name="pk_project"),
    )
    op.create_table(
        "agreement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column(
            "state",
            sa.Enum("in_force", "withdrawn", name="agreementstate", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("agreed_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["owner"], ["person.name"], name="fk_agreement_owner"),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_agreement_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_agreement"),
    )
    op.create_index("ix_agreement_project_id", "agreement", ["project_id"])

    op.create_table(
        "membership",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("person_name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["person_name"], ["person.name"], name="fk_membership_person_name"),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_membership_project_id"),
        sa.PrimaryKeyConstraint("project_id", "person_name", name="pk_membership"),
    )
    op.create_table(
        "project_copy",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("catalogue_digest", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_project_copy_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_project_copy"),
        sa.UniqueConstraint(
            "project_id",
            "dataset",
            "version",
            "catalogue_digest",
            name="uq_project_copy_project_id_dataset_version_catalogue_digest",
        ),
    )
    op.create_index("ix_project_copy_project_id", "project_copy", ["project_id"])

    op.create_table(
        "release_request",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "submitted",
                "in_review",
                "changes_requested",
                "approved",
                "released",
                "recalled",
                "rejected",
                "withdrawn",
                name="requeststate",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("checkers_needed", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(), nullable=True),
        sa.Column("decided_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["author"], ["person.name"], name="fk_release_request_author"),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_release_request_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_release_request"),
    )
    op.create_index("ix_release_request_project_id", "release_request", ["project_id"])
    op.create_index("ix_release_request_state", "release_request", ["state"])

    op.create_table(
        "statistic",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("plan_hash", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum("asked", "computing", "answered", "refused", name="statisticstate", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column(
            "verdict",
            sa.Enum("safe", "protected", "refer", "blocked", name="verdict", native_enum=False, length=32),
            nullable=True,
        ),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("problem", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["author"], ["person.name"], name="fk_statistic_author"),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_statistic_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_statistic"),
    )
    op.create_index("ix_statistic_plan_hash", "statistic", ["plan_hash"])
    op.create_index("ix_statistic_project_id", "statistic", ["project_id"])
    op.create_index("ix_statistic_state", "statistic", ["state"])

    op.create_table(
        "checker_vote",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("checker", sa.Text(), nullable=False),
        sa.Column(
            "vote",
            sa.Enum("approve", "request_changes", "reject", name="vote", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["checker"], ["person.name"], name="fk_checker_vote_checker"),
        sa.ForeignKeyConstraint(["request_id"], ["release_request.id"], name="fk_checker_vote_request_id"),
        sa.PrimaryKeyConstraint("id", name="pk_checker_vote"),
        sa.UniqueConstraint("request_id", "turn", "checker", name="uq_checker_vote_request_id_turn_checker"),
    )
    op.create_index("ix_checker_vote_request_id", "checker_vote", ["request_id"])

    op.create_table(
        "release",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("package", sa.Text(), nullable=False),
        sa.Column("record_hash", sa.Text(), nullable=False),
        sa.Column("released_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_release_project_id"),
        sa.ForeignKeyConstraint(["request_id"], ["release_request.id"], name="fk_release_request_id"),
        sa.PrimaryKeyConstraint("id", name="pk_release"),
        sa.UniqueConstraint("request_id", name="uq_release_request_id"),
    )
    op.create_index("ix_release_project_id", "release", ["project_id"])

    op.create_table(
        "request_item",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("statistic_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["release_request.id"], name="fk_request_item_request_id"),
        sa.ForeignKeyConstraint(["statistic_id"], ["statistic.id"], name="fk_request_item_statistic_id"),
        sa.PrimaryKeyConstraint("request_id", "position", name="pk_request_item"),
    )
    _guard = {"sqlite": _guard_sqlite, "postgresql": _guard_postgresql}
    _guard[op.get_bind().dialect.name]()


def _guard_sqlite() -> None:
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_event_no_{change.lower()} BEFORE {change} ON audit_event "
            "BEGIN SELECT RAISE(ABORT, 'audit events are never changed or removed'); END"
        )


def _guard_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION audit_event_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'audit events are never changed or removed'; END $$"
    )
    for change in ("UPDATE", "DELETE", "TRUNCATE"):
        op.execute(
            f"CREATE TRIGGER audit_event_no_{change.lower()} BEFORE {change} ON audit_event "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_event_refuse()"
        )


def downgrade() -> None:
    """There is nothing before the first tables; take back a backup instead."""
    raise RuntimeError("The first migration cannot be undone. Restore a backup.")
