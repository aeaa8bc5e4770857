"""The data that a project's sessions can use, as the register has it. No copy is opened: this process sees no data."""

from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session as Database

from datasets.catalogue import Catalogue
from datasets.columns import Column
from datasets.copies import ProjectCopy, current_copies
from datasets.versions import find_version
from governance.agreements import agreements_of


def datasets_of(database: Database, project_id: str) -> list[dict[str, Any]]:
    """Each dataset with a copy that the project may use now: where it lies, what is counted, and its columns."""
    agreed = {each.dataset: each.columns for each in agreements_of(database, project_id)}
    return [
        _dataset(copy, find_version(database, copy.dataset, copy.version).catalogue.approved(agreed[copy.dataset]))
        for copy in current_copies(database, project_id)
    ]


def _dataset(copy: ProjectCopy, catalogue: Catalogue) -> dict[str, Any]:
    unit = catalogue.unit
    return {
        "name": copy.dataset,
        "title": catalogue.title,
        "version": copy.version,
        "rows": copy.rows,
        "units": copy.units,
        "unit": {"column": unit.column, "singular": unit.singular, "plural": unit.plural},
        "table": catalogue.table,
        "copy": Path(copy.path).name,
        "policy": catalogue.release.policy.model_dump(mode="json"),
        "columns": [_column(each) for each in catalogue.columns],
    }


def _column(column: Column) -> dict[str, Any]:
    facts = column.model_dump(mode="json", include={"name", "label", "description", "role", "type", "unit", "key"})
    return facts | {"categories": list(column.labels)}
