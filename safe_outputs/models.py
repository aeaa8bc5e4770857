"""What the outputs service keeps in the register's database. Content itself lies in the store, by hash."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from governance.database import Base, UtcDateTime
from safe_outputs.answers import Verdict
from safe_outputs.return_categories import Category
from safe_outputs.transitions import Owner, RemarkKind, RequestState, StatisticState, Vote


def _enum(kind: type[StrEnum]) -> Enum:
    return Enum(kind, native_enum=False, length=32, values_callable=lambda values: [value.value for value in values])


class Statistic(Base):
    """One statistic that a session asked for.

    `code` is what the notebook said it ran: a claim, kept as evidence. `answer` is the hash of the answer's
    canonical JSON in the store, `verdict` and `version` (of the dataset) are repeated from it for lists; `problem` is
    the sentence with which the checker refused. `dataset` and `exact` (no noise in it) repeat the plan, for lists.
    `underlying` is the hash of the counts behind an exact answer, for checkers alone (`evidence.underlying`).
    """

    __tablename__ = "statistic"
    __table_args__ = (Index("ix_statistic_dataset_exact", "dataset", "exact"),)

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"), index=True)
    author: Mapped[str] = mapped_column(ForeignKey("person.name"))
    plan: Mapped[dict[str, Any]] = mapped_column(JSON)
    plan_hash: Mapped[str] = mapped_column(Text, index=True)
    code: Mapped[str] = mapped_column(Text)
    state: Mapped[StatisticState] = mapped_column(_enum(StatisticState), index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answer: Mapped[str | None] = mapped_column(Text)
    verdict: Mapped[Verdict | None] = mapped_column(_enum(Verdict))
    version: Mapped[int | None]
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    underlying: Mapped[str | None] = mapped_column(Text)
    dataset: Mapped[str] = mapped_column(Text)
    exact: Mapped[bool]

    @validates("plan")
    def _repeat(self, _key: str, plan: dict[str, Any]) -> dict[str, Any]:
        self.dataset, self.exact = plan["dataset"], plan["kind"] == "crosstab"
        return plan


class FileRole(StrEnum):
    """What a file is for. An output may leave once it is approved; evidence is for checkers and never leaves."""

    OUTPUT = "output"
    EVIDENCE = "evidence"


class OutputFile(Base):
    """A file that a person made (provenance `manual`) and handed in from a session. Never changed.

    `name` is what the person calls it: hostile text, never the name of a file here. `digest` is that of its bytes in
    the store, `size` their number; `kind`, `media_type`, `findings` and `facts` are what `safe_outputs.files` says of
    the bytes. A table that is to hold files of one role refers to `id` and `role` together.
    """

    __tablename__ = "output_file"
    __table_args__ = (
        UniqueConstraint("id", "role"),
        Index("ix_output_file_project_id_at", "project_id", "at"),
        Index("ix_output_file_project_id_digest", "project_id", "digest"),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"))
    author: Mapped[str] = mapped_column(ForeignKey("person.name"))
    role: Mapped[FileRole] = mapped_column(_enum(FileRole))
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    media_type: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(BigInteger)
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


VOTABLE = ("move_of", "project_id", "stands_on", "state", "author", "voted", "checkers_needed", "turn", "id")
"""What decides whether a person can vote on a request, in one index."""


class ReleaseRequest(Base):
    """What an author wants to leave: groups of statistics and files, each for an audience, and what belongs to them.

    `audience` is what its groups' audiences are together (`answers.joined`), kept for lists; what leaves for whom is
    read from the groups. `checklist` is the author's, with its version (`contents.checklist`); `notebook` is why there
    is no notebook as evidence, in a word of `request_details.NoNotebook`, or None.

    `content_hash` is set at submission and covers everything that a vote is about (I7). `move_of` is whose move it is,
    since `move_since`; `checkers_seconds` is how long the move was the checkers' before that, over all turns,
    and `clock_hours` how long it may be theirs. They are
    what `safe_outputs.turns` makes of state and remarks, kept for lists; so is `due`. `rank` (0 for the worst
    verdict of all), `holds` (statistics), `holds_files`, `voted` (checkers, in this turn), `asked` (questions that are
    open) and `stands_on` (datasets and versions) are what `lists.kept` makes of what belongs to the request.
    """

    __tablename__ = "release_request"
    __table_args__ = (
        Index("ix_release_request_desk", "move_of", "rank", "move_since", "id", "due"),
        Index("ix_release_request_age", "move_of", "move_since", "id"),
        Index("ix_release_request_votable", *VOTABLE),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"), index=True)
    author: Mapped[str] = mapped_column(ForeignKey("person.name"))
    title: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text)
    audience: Mapped[str] = mapped_column(Text)
    state: Mapped[RequestState] = mapped_column(_enum(RequestState), index=True)
    turn: Mapped[int] = mapped_column(default=0)
    checkers_needed: Mapped[int] = mapped_column(default=2)
    content_hash: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    submitted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    move_of: Mapped[Owner] = mapped_column(_enum(Owner))
    move_since: Mapped[datetime] = mapped_column(UtcDateTime)
    checkers_seconds: Mapped[int] = mapped_column(default=0)
    clock_hours: Mapped[int] = mapped_column(default=120, server_default="120")
    due: Mapped[datetime | None] = mapped_column(UtcDateTime)
    rank: Mapped[int] = mapped_column(default=3)
    holds: Mapped[int] = mapped_column(default=0)
    voted: Mapped[int] = mapped_column(default=0)
    asked: Mapped[int] = mapped_column(default=0)
    stands_on: Mapped[str] = mapped_column(Text, default="[]")
    holds_files: Mapped[int] = mapped_column(default=0, server_default="0")
    checklist: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    notebook: Mapped[str | None] = mapped_column(Text)

    groups: Mapped[list["RequestGroup"]] = relationship(order_by="RequestGroup.position", cascade="all, delete-orphan")
    files: Mapped[list["RequestFile"]] = relationship(order_by="RequestFile.position", cascade="all, delete-orphan")
    evidence: Mapped[list["RequestEvidence"]] = relationship(
        order_by="RequestEvidence.position", cascade="all, delete-orphan"
    )
    items: Mapped[list["RequestItem"]] = relationship(order_by="RequestItem.position", cascade="all, delete-orphan")
    votes: Mapped[list["CheckerVote"]] = relationship(order_by="CheckerVote.at, CheckerVote.id")
    remarks: Mapped[list["Remark"]] = relationship(order_by="Remark.at, Remark.id")


class RequestGroup(Base):
    """Statistics and files of a request that leave together, for one audience. `context`: what this is, and what for.

    Positions count from 1.
    """

    __tablename__ = "request_group"

    request_id: Mapped[str] = mapped_column(ForeignKey("release_request.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    context: Mapped[str] = mapped_column(Text)
    audience: Mapped[str] = mapped_column(Text)


class RequestItem(Base):
    """A statistic of a request. `position` counts through all its groups, `in_group` is the group's."""

    __tablename__ = "request_item"
    __table_args__ = (
        ForeignKeyConstraint(["request_id", "in_group"], ["request_group.request_id", "request_group.position"]),
    )

    request_id: Mapped[str] = mapped_column(ForeignKey("release_request.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    statistic_id: Mapped[str] = mapped_column(ForeignKey("statistic.id"), index=True)
    in_group: Mapped[int] = mapped_column(default=1, server_default="1")

    statistic: Mapped[Statistic] = relationship(lazy="joined", innerjoin=True)


class RequestFile(Base):
    """A file of a request that leaves once it is approved, with its author's `statement` (`contents.statements`).

    The database takes files of the role `output` here and no others.
    """

    __tablename__ = "request_file"
    __table_args__ = (
        CheckConstraint("role = 'output'", name="ck_request_file_role"),
        ForeignKeyConstraint(["file_id", "role"], ["output_file.id", "output_file.role"]),
        ForeignKeyConstraint(["request_id", "in_group"], ["request_group.request_id", "request_group.position"]),
    )

    request_id: Mapped[str] = mapped_column(ForeignKey("release_request.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    in_group: Mapped[int]
    file_id: Mapped[str] = mapped_column(Text)
    role: Mapped[FileRole] = mapped_column(_enum(FileRole), default=FileRole.OUTPUT)
    statement: Mapped[dict[str, Any]] = mapped_column(JSON)

    file: Mapped[OutputFile] = relationship(overlaps="file")


class RequestEvidence(Base):
    """A file that is shown to output checkers with a request, and never leaves. `notebook`: from which it was asked.

    The database takes files of the role `evidence` here and no others.
    """

    __tablename__ = "request_evidence"
    __table_args__ = (
        CheckConstraint("role = 'evidence'", name="ck_request_evidence_role"),
        ForeignKeyConstraint(["file_id", "role"], ["output_file.id", "output_file.role"]),
    )

    request_id: Mapped[str] = mapped_column(ForeignKey("release_request.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    file_id: Mapped[str] = mapped_column(Text)
    role: Mapped[FileRole] = mapped_column(_enum(FileRole), default=FileRole.EVIDENCE)
    notebook: Mapped[bool] = mapped_column(default=False)

    file: Mapped[OutputFile] = relationship(overlaps="file")


class CheckerVote(Base):
    """One output checker's vote in one turn, bound to the hash of what she read.

    Who changes her vote while the checkers consolidate casts another ballot; the last one counts, all are kept.
    `category` is the main reason of a vote that does not approve; votes of before there were categories have none.
    """

    __tablename__ = "checker_vote"
    __table_args__ = (UniqueConstraint("request_id", "turn", "checker", "ballot"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("release_request.id"), index=True)
    turn: Mapped[int]
    checker: Mapped[str] = mapped_column(ForeignKey("person.name"))
    ballot: Mapped[int] = mapped_column(default=1)
    vote: Mapped[Vote] = mapped_column(_enum(Vote))
    comment: Mapped[str] = mapped_column(Text)
    category: Mapped[Category | None] = mapped_column(_enum(Category))
    content_hash: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class Remark(Base):
    """Something said about a request in one turn. `answers` is the question that an answer is to.

    `category` is the main reason of an early return; those of before there were categories have none.
    """

    __tablename__ = "request_remark"

    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("release_request.id"), index=True)
    turn: Mapped[int]
    kind: Mapped[RemarkKind] = mapped_column(_enum(RemarkKind))
    author: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    answers: Mapped[int | None] = mapped_column(ForeignKey("request_remark.id"))
    category: Mapped[Category | None] = mapped_column(_enum(Category))


class CheckersRule(Base):
    """How many output checkers a project's requests for an audience need, at the least; `*` stands for any."""

    __tablename__ = "checkers_rule"

    project_id: Mapped[str] = mapped_column(Text, primary_key=True)
    audience: Mapped[str] = mapped_column(Text, primary_key=True)
    checkers: Mapped[int]


class Release(Base):
    """What one audience of a request got, and nothing of another's. Its id is made from the request's.

    A release package: the folder `package` under the releases folder, and the hash of its manifest.

    Packages of before there were signatures have no manifest; `record_hash` is that of their record.
    """

    __tablename__ = "release"
    __table_args__ = (UniqueConstraint("request_id", "audience"),)

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("release_request.id"))
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"), index=True)
    title: Mapped[str] = mapped_column(Text)
    audience: Mapped[str] = mapped_column(Text)
    package: Mapped[str] = mapped_column(Text)
    record_hash: Mapped[str] = mapped_column(Text)
    released_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class ReleasedTable(Base):
    """An exact table that was released, once or more often: what subtraction can use."""

    __tablename__ = "released_table"

    dataset: Mapped[str] = mapped_column(Text, primary_key=True)
    plan_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class PublicDownload(Base):
    """How often a file of a release was taken without signing in, in the hour that began at `hour`.

    `counted`: the hour is over, and the audit chain was told.
    """

    __tablename__ = "public_download"

    release_id: Mapped[str] = mapped_column(ForeignKey("release.id"), primary_key=True)
    file: Mapped[str] = mapped_column(Text, primary_key=True)
    hour: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    times: Mapped[int]
    counted: Mapped[bool] = mapped_column(default=False)


class ReleaseKey(Base):
    """The public half (hexadecimal) of a key that signs, or signed, releases. The newest without `retired_at` signs."""

    __tablename__ = "release_key"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    public_key: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_because: Mapped[str | None] = mapped_column(Text)


class PopulationStanding(Base):
    """What the privacy ledger said of a population when something was last answered from one of its datasets.

    `nano_rho`, `nano_delta`: spent on private statistics (billionths of ρ and δ); `exact`: exact statistics that were
    handed out, the first of them at `void_since`.
    """

    __tablename__ = "population_standing"

    population: Mapped[str] = mapped_column(Text, primary_key=True)
    nano_rho: Mapped[int] = mapped_column(BigInteger)
    nano_delta: Mapped[int] = mapped_column(BigInteger)
    exact: Mapped[int]
    void_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RequestTurn(Base):
    """One submission of a request as it was: `submission` is its hash in the store, `content_hash` what votes bind to.

    Turns of before submissions were kept have none.
    """

    __tablename__ = "request_turn"

    request_id: Mapped[str] = mapped_column(ForeignKey("release_request.id"), primary_key=True)
    turn: Mapped[int] = mapped_column(primary_key=True)
    content_hash: Mapped[str] = mapped_column(Text)
    submission: Mapped[str] = mapped_column(Text)
    submitted_at: Mapped[datetime] = mapped_column(UtcDateTime)


class BudgetLeft(Base):
    """What the privacy ledger said was left in a budget (billionths of ρ and δ) when something was last asked of it."""

    __tablename__ = "budget_left"

    scope: Mapped[str] = mapped_column(Text, primary_key=True)
    nano_rho: Mapped[int] = mapped_column(BigInteger)
    nano_delta: Mapped[int] = mapped_column(BigInteger)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)
