"""`results.json` has the form that SACRO-Viewer reads, held against a schema made from its source and ACRO's.

Sources, as of ACRO 1.0.2 and SACRO-Viewer's main branch of October 2025: `Records.finalise_json` and `load_records` in
ACRO's acro/record.py; in SACRO-Viewer `ACROOutputs` (sacro/models.py), `check_version` (sacro/versioning.py) with
`ACRO_SUPPORTED_VERSION = "0.4.x"` (sacro/settings.py), `highlightFailingCells` (assets/src/scripts/_table-builder.js).
"""

import csv
import hashlib
import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from tests.safe_outputs.package.packages import a_folder, some_files


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Sdc(Strict):
    summary: dict[str, bool | int]
    cells: dict[str, list[tuple[int, int]]]


class File(Strict):
    name: str
    sdc: Sdc


class Result(Strict):
    uid: str
    status: Literal["pass", "fail", "review"]
    type: Literal["table", "regression", "custom", "survival plot", "histogram", "pie chart"]
    properties: dict[str, Any]
    files: list[File] = Field(min_length=1)
    outcome: dict[str, dict[str, str]]
    command: str
    summary: str
    timestamp: str
    comments: list[str]
    exception: str
    fair: dict[str, Any]


class Results(Strict):
    version: str = Field(pattern=r"^0\.4\.\d+$")
    tool: dict[str, str]
    results: dict[str, Result] = Field(min_length=1)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    return some_files(tmp_path)


@pytest.fixture
def read(files: dict[str, bytes]) -> Results:
    return Results.model_validate_json(files["results.json"])


def test_the_form_is_that_of_the_schema(read: Results) -> None:
    assert list(read.results) == ["output_0", "output_1", "output_2"]
    first, second, made = read.results.values()
    assert (made.status, made.type, made.files[0].name) == ("review", "custom", "3-ann_e___fig.py")
    assert (first.status, first.uid, first.files[0].name) == ("pass", "output_0", "1-crosstab.csv")
    assert second.files[0].name == "2-private-count.csv"
    assert "fewer than 10 persons" in first.summary
    datetime.fromisoformat(first.timestamp)


def test_withheld_cells_are_marked_where_the_viewer_looks(files: dict[str, bytes], read: Results) -> None:
    """Row and column of the body of the CSV; the viewer adds the first column, which it takes for an index."""
    (file,) = read.results["output_0"].files
    head, *lines = csv.reader(io.StringIO(files["1-crosstab.csv"].decode()))
    marked = {(line, column + 1) for line, column in file.sdc.cells["withheld"]}
    withheld = {n for n, line in enumerate(lines) if line[-1] == "withheld"}
    assert marked == {(n, head.index(name)) for n in withheld for name in ("persons", "mean_spending")}
    assert file.sdc.summary == {"suppressed": True, "withheld": 2}


def test_which_cell_protects_which_is_not_told(files: dict[str, bytes]) -> None:
    assert b"primary" not in files["results.json"]
    assert b"secondary" not in files["results.json"]


def test_the_viewer_finds_one_file_of_results_and_its_checksums(tmp_path: Path) -> None:
    """It tries every JSON file of the folder, takes what has `version` and `results`, and refuses two of them."""
    folder = a_folder(tmp_path)
    contents = {path.name: json.loads(path.read_bytes()) for path in folder.glob("*.json")}
    assert [name for name, value in contents.items() if {"version", "results"} <= set(value)] == ["results.json"]
    for result in contents["results.json"]["results"].values():
        for file in result["files"]:
            said = (folder / "checksums" / f"{file['name']}.txt").read_text(encoding="utf8")
            assert said == hashlib.sha256((folder / file["name"]).read_bytes()).hexdigest()
