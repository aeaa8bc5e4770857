"""A project copy: approved columns only, pseudonyms of its own, one file, made once, and only under an agreement."""

import json
import stat
from pathlib import Path
from typing import Any

import duckdb
import pytest

from datasets import copies
from datasets.catalogue import Catalogue
from datasets.copies import current_copies
from datasets.engines import open_copy
from datasets.errors import (
    DamagedFile,
    ForbiddenColumn,
    NoAgreement,
    UnknownColumn,
    UnknownVersion,
    WithdrawnVersion,
    WrongRole,
    WrongState,
)
from datasets.files import TEMPORARY, file_digest
from datasets.versions import withdraw
from governance import agreements, audit
from governance.errors import NotFound
from tests.datasets.factories import agree, agreed, available, project, provision, register, take_in, write_small

COLUMNS = ["ward", "cost"]


def table(path: str, query: str = "FROM stay") -> list[tuple[Any, ...]]:
    with open_copy(path) as connection:
        return connection.execute(query).fetchall()


def test_a_copy_has_the_approved_columns_in_one_read_only_file(tmp_path: Path) -> None:
    with register(tmp_path) as session:
        version = available(session, write_small(tmp_path), tmp_path)
        agreed(session, "falls", version, ["cost", "ward"])
        copy = provision(session, "falls", "stays", tmp_path)
    folder = tmp_path / "copies" / "falls"
    assert copy.path == str(folder / f"stays-v1-{copy.digest[:12]}.duckdb")
    assert set(folder.iterdir()) == {Path(copy.path), copy.catalogue_path}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o440}
    assert (copy.rows, copy.units, copy.version) == (4, 3, 1)
    assert copy.digest == file_digest(Path(copy.path)) and copy.verified() == Path(copy.path)
    assert [row[0] for row in table(copy.path, "SHOW TABLES")] == ["stay"]
    assert [row[:2] for row in table(copy.path, "DESCRIBE stay")] == [
        ("patient", "VARCHAR"),
        ("ward", "VARCHAR"),
        ("cost", "DECIMAL(18,2)"),
    ]


def test_the_catalogue_beside_it_has_the_approved_columns_only(tmp_path: Path) -> None:
    with register(tmp_path) as session:
        version = available(session, write_small(tmp_path), tmp_path)
        agreed(session, "falls", version, COLUMNS)
        copy = provision(session, "falls", "stays", tmp_path)
        catalogue = copy.catalogue()
    assert copy.catalogue_path.name.endswith(".json")
    assert [column.name for column in catalogue.columns] == ["patient", "ward", "cost"]
    assert catalogue == Catalogue.from_json(copy.catalogue_path.read_text())
    assert "full_name" not in json.dumps(json.loads(copy.catalogue_path.read_text())["columns"])


def test_rows_are_ordered_by_unit(tmp_path: Path) -> None:
    with register(tmp_path) as session:
        version = available(session, write_small(tmp_path), tmp_path)
        agreed(session, "falls", version, COLUMNS)
        rows = table(provision(session, "falls", "stays", tmp_path).path)
    assert rows == sorted(rows) and len(rows) == 4


def test_projects_share_values_but_no_pseudonym(tmp_path: Path) -> None:
    with register(tmp_path) as session:
        version = available(session, write_small(tmp_path), tmp_path)
        rows = {}
        for name in ("falls", "wards"):
            agreed(session, name, version, COLUMNS)
            rows[name] = table(provision(session, name, "stays", tmp_path).path)
        with duckdb.connect() as connection:
            kept = connection.execute(f"SELECT patient, ward, cost FROM '{version.data()}'").fetchall()
    units = [{row[0] for row in each} for each in (rows["falls"], rows["wards"], kept)]
    assert len(set.union(*units)) == 9  # three patients, three names each
    values = [sorted(row[1:] for row in each) for each in (rows["falls"], rows["wards"], kept)]
    assert values[0] == values[1] == values[2]


def test_a_new_version_has_the_same_pseudonyms_in_the_same_project(tmp_path: Path) -> None:
    with register(tmp_path) as session:
        first = available(session, write_small(tmp_path), tmp_path)
        agreement = agreed(session, "falls", first, COLUMNS)
        before = table(provision(session, "falls", "stays", tmp_path).path)
        agreements.withdraw(session, agreement, owner="owner")
        second = available(session, write_small(tmp_path, ("A small file.", "A file.")), tmp_path)
        agree(session, "falls", second, COLUMNS)
        copy = provision(session, "falls", "stays", tmp_path)
    assert (copy.version, table(copy.path)) == (2, before)
    assert len(list(Path(copy.path).parent.iterdir())) == 4  # the earlier copy is still evidence


def test_without_an_agreement_there_is_no_copy(tmp_path: Path) -> None:
    with register(tmp_path) as session:
        version = available(session, write_small(tmp_path), tmp_path)
        project(session, "falls")
        with pytest.raises(NoAgreement) as refused:
            provision(session, "falls", "stays", tmp_path)
        assert refused.value.status == 403
        assert refused.value.sentence == (
            "Falls has no agreement in force on “stays”, so no copy can be made for it. Ask the data owner to agree "
            "first."
        )
        with pytest.raises(NotFound, match="no project “nowhere”"):
            provision(session, "nowhere", "stays", tmp_path)
        agreement = agreed(session, "wards", version, COLUMNS)
        agreements.withdraw(session, agreement, owner="owner")
        with pytest.raises(NoAgreement):
            provision(session, "wards", "stays", tmp_path)
    assert not (tmp_path / "copies").exists()


def test_an_agreement_that_ends_takes_the_copy_away(tmp_path: Path) -> None:
    with register(tmp_path) as session:
        version = available(session, write_small(tmp_path), tmp_path)
        agreement = agreed(session, "falls", version, COLUMNS)
        copy = provision(session, "falls", "stays", tmp_path)
        assert current_copies(session, "falls") == [copy]
        agreements.withdraw(session, agreement, owner="owner")
        assert current_copies(session, "falls") == []


def test_a_withdrawn_version_is_neither_copied_nor_used(tmp_path: Path) -> None:
    with register(tmp_path) as session:
        version = available(session, write_small(tmp_path), tmp_path)
        agreed(session, "falls", version, COLUMNS)
        provision(session, "falls", "stays", tmp_path)
        withdraw(session, version, actor="owner")
        with pytest.raises(WithdrawnVersion, match="was withdrawn by its data owner") as refused:
            provision(session, "falls", "stays", tmp_path)
        assert refused.value.status == 403
        assert current_copies(session, "falls") == []


def test_a_version_that_is_not_available_is_not_copied(tmp_path: Path) -> None:
    with register(tmp_path) as session:
        version = take_in(session, write_small(tmp_path), tmp_path)
        agreed(session, "falls", version, COLUMNS)
        with pytest.raises(WrongState, match="is scanned, not available") as refused:
            provision(session, "falls", "stays", tmp_path)
        assert refused.value.status == 409
        version.number += 1
        with pytest.raises(UnknownVersion):
            provision(session, "falls", "stays", tmp_path)


@pytest.mark.parametrize(
    ("columns", "error"), [(["full_name"], ForbiddenColumn), (["none"], UnknownColumn), ([], UnknownColumn)]
)
def test_columns_that_cannot_be_approved_are_refused(
    columns: list[str], error: type[Exception], tmp_path: Path
) -> None:
    with register(tmp_path) as session:
        version = available(session, write_small(tmp_path), tmp_path)
        agreed(session, "falls", version, columns)
        with pytest.raises(error):
            provision(session, "falls", "stays", tmp_path)


def test_an_agreement_of_another_organisation_is_worth_nothing(tmp_path: Path) -> None:
    with register(tmp_path) as session:
        version = available(session, write_small(tmp_path), tmp_path)
        agreed(session, "falls", version, COLUMNS, owner="other-owner")
        with pytest.raises(WrongRole, match="somebody of another organisation"):
            provision(session, "falls", "stays", tmp_path)


def test_asked_again_the_copy_is_the_one_that_is_there(tmp_path: Path) -> None:
    with register(tmp_path) as session:
        version = available(session, write_small(tmp_path), tmp_path)
        agreed(session, "falls", version, COLUMNS)
        copy = provision(session, "falls", "stays", tmp_path)
        made_at = Path(copy.path).stat().st_mtime_ns
        assert provision(session, "falls", "stays", tmp_path) is copy
        assert Path(copy.path).stat().st_mtime_ns == made_at
        events = [event.action for event in audit.events_about(session, "project:falls")]
        assert events.count("copy.made") == 1


@pytest.mark.parametrize("which", ["path", "catalogue_path"])
def test_a_copy_that_was_changed_is_refused(which: str, tmp_path: Path) -> None:
    with register(tmp_path) as session:
        version = available(session, write_small(tmp_path), tmp_path)
        agreed(session, "falls", version, COLUMNS)
        copy = provision(session, "falls", "stays", tmp_path)
        changed = Path(getattr(copy, which))
        changed.chmod(0o640)
        changed.write_bytes(changed.read_bytes() + b" ")
        for use in (copy.verified, copy.catalogue, lambda: provision(session, "falls", "stays", tmp_path)):
            with pytest.raises(DamagedFile, match="was changed after it was made"):
                use()


@pytest.mark.parametrize("which", ["path", "catalogue_path"])
def test_a_copy_whose_file_is_gone_is_made_again(which: str, tmp_path: Path) -> None:
    with register(tmp_path) as session:
        version = available(session, write_small(tmp_path), tmp_path)
        agreed(session, "falls", version, COLUMNS)
        copy = provision(session, "falls", "stays", tmp_path)
        rows = table(copy.path)
        Path(getattr(copy, which)).unlink()
        with pytest.raises(DamagedFile):
            copy.verified()
        again = provision(session, "falls", "stays", tmp_path)
        assert again is copy and again.verified().is_file() and table(again.path) == rows
        assert len(list(Path(again.path).parent.iterdir())) == 2
        assert audit.events_about(session, "project:falls")[-1].action == "copy.made_again"


def test_a_version_that_was_changed_is_not_copied(tmp_path: Path) -> None:
    with register(tmp_path) as session:
        version = available(session, write_small(tmp_path), tmp_path)
        agreed(session, "falls", version, COLUMNS)
        data = version.data()
        data.chmod(0o640)
        data.write_bytes(data.read_bytes()[:-1])
        with pytest.raises(DamagedFile):
            provision(session, "falls", "stays", tmp_path)


def test_leftovers_are_deleted_and_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "copies" / "falls"
    left = folder / f"{TEMPORARY}x"
    left.mkdir(parents=True)
    (left / "copy.duckdb").write_bytes(b"half a copy")
    with register(tmp_path) as session:
        version = available(session, write_small(tmp_path), tmp_path)
        agreed(session, "falls", version, COLUMNS)
        with monkeypatch.context() as failing:
            failing.setattr(copies, "file_digest", lambda _: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                provision(session, "falls", "stays", tmp_path)
        assert list(folder.iterdir()) == []
        provision(session, "falls", "stays", tmp_path)
    assert not list(folder.glob(f"{TEMPORARY}*"))
