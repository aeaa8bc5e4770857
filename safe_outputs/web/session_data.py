"""The data that a project's sessions can use: what `GET /session` says of each project copy."""

from typing import Any

from sqlalchemy.orm import Session as Database


def datasets_of(database: Database, project_id: str) -> list[dict[str, Any]]:
    """Each dataset of the project with its copy, unit of count and columns. Filled in with datasets.copies."""
    return []
