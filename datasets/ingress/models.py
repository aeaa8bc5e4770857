"""What is kept of what researchers bring in. The bytes lie in the store, by their hash."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Enum, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from datasets.ingress.scan import Report
from datasets.ingress.states import IngressState
from governance.database import Base, UtcDateTime


class IngressRequest(Base):
    """Files that a person wants to bring into a project, and what they are for.

    `content_hash` is set by the scan and covers words, files and reports: it is what a steward accepts. `reason` is why
    it was declined, or what the steward said when she accepted. `manifest` is the digest of what was delivered.
    """

    __tablename__ = "ingress_request"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"), index=True)
    author: Mapped[str] = mapped_column(ForeignKey("person.name"))
    purpose: Mapped[str] = mapped_column(Text)
    state: Mapped[IngressState] = mapped_column(
        Enum(
            IngressState, native_enum=False, length=32, values_callable=lambda states: [each.value for each in states]
        ),
        index=True,
    )
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    moved_at: Mapped[datetime] = mapped_column(UtcDateTime)
    content_hash: Mapped[str | None] = mapped_column(Text)
    decided_by: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    manifest: Mapped[str | None] = mapped_column(Text)

    files: Mapped[list["IngressFile"]] = relationship(order_by="IngressFile.position")

    @property
    def subject(self) -> str:
        """What audit events name."""
        return f"ingress:{self.id}"


class IngressFile(Base):
    """One file of a request. `scan` is its report, None until it was scanned."""

    __tablename__ = "ingress_file"

    request_id: Mapped[str] = mapped_column(ForeignKey("ingress_request.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(Text)
    size: Mapped[int]
    scan: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))

    @property
    def report(self) -> Report | None:
        return Report.from_json(self.scan) if self.scan is not None else None
