"""Taking a file in: a version appears whole, once, with its manifest and events; or not at all."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from datasets import steward
from datasets.errors import CatalogueError, DamagedFile, SourceError, WrongRole, WrongState
from datasets.files import TEMPORARY, file_digest
from datasets.versions import VersionState, approve, make_available, versions_of, withdraw
from governance import audit
from tests.datasets.factories import (
    OTHER_SECRET,
    ROOT,
    STAYS,
    available,
    edited,
    register,
    take_in,
    write_small,
)


def test_a_file_becomes_a_scanned_version_with_a_manifest(tmp_path: Path) -> None:
    with register(tmp_path) as session:
        version = take_in(session, write_small(tmp_path), tmp_path)
        assert (version.state, version.number, version.rows, version.units) == (VersionState.SCANNED, 1, 4, 3)
        folder = tmp_path / "datasets" / "stays" / "v1"
        assert version.folder == str(folder) and sorted(path.name for path in folder.iterdir()) == [
            "data.parquet",
            "manifest.json",
        ]
        assert version.data() == folder / "data.parquet"
        manifest = json.loads((folder / "manifest.json").read_text())
        assert manifest["files"] == {"data.parquet": version.data_digest}
        assert manifest["content_digest"] == version.content_digest
        assert manifest["source"] == {"file": "stays.csv", "sha256": file_digest(tmp_path / "stays.csv")}
        assert (manifest["rows"], manifest["units"], manifest["scan"]["passes"]) == (4, 3, True)
        assert version.manifest_digest == file_digest(folder / "manifest.json")
        assert str(tmp_path) not in (folder / "manifest.json").read_text()
        assert [event.action for event in audit.events_about(session, "dataset:stays:v1")] == [
            "version.quarantined",
            "version.scanned",
        ]


def test_files_of_a_version_cannot_be_written_and_strangers_cannot_read_them(tmp_path: Path) -> None:
    with register(tmp_path) as session:
        folder = Path(take_in(session, write_small(tmp_path), tmp_path).folder)
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o440}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700


def test_the_same_inputs_give_the_version_that_is_there(tmp_path: Path) -> None:
    with register(tmp_path) as session:
        first = take_in(session, write_small(tmp_path), tmp_path)
        assert take_in(session, tmp_path / "stays.toml", tmp_path) is first
        assert len(audit.events_about(session, first.subject)) == 2


@pytest.mark.parametrize("what", ["file", "catalogue", "secret"])
def test_other_inputs_give_another_version(what: str, tmp_path: Path) -> None:
    with register(tmp_path) as session:
        first = take_in(session, write_small(tmp_path), tmp_path)
        stays = edited(STAYS, ("10.005", "11")) if what == "file" else STAYS
        changes = [("A small file.", "A file.")] if what == "catalogue" else []
        write_small(tmp_path, *changes, stays=stays)
        secret = {"secret": OTHER_SECRET} if what == "secret" else {}
        second = take_in(session, tmp_path / "stays.toml", tmp_path, **secret)
        assert (first.number, second.number) == (1, 2)
        assert (first.content_digest == second.content_digest) == (what == "catalogue")


def test_a_withdrawn_version_is_not_taken_up_again(tmp_path: Path) -> None:
    with register(tmp_path) as session:
        first = take_in(session, write_small(tmp_path), tmp_path)
        withdraw(session, first, actor="owner")
        assert take_in(session, tmp_path / "stays.toml", tmp_path).number == 2


def test_a_version_whose_file_was_changed_is_not_used(tmp_path: Path) -> None:
    with register(tmp_path) as session:
        version = take_in(session, write_small(tmp_path), tmp_path)
        data = Path(version.folder) / "data.parquet"
        data.chmod(0o640)
        data.write_bytes(data.read_bytes() + b" ")
        with pytest.raises(DamagedFile, match="was changed after it was made"):
            take_in(session, tmp_path / "stays.toml", tmp_path)


def test_what_the_scan_finds_keeps_a_version_in_quarantine(tmp_path: Path) -> None:
    careless = write_small(tmp_path, ('label = "North"', 'label = "Sister Ann, ann@example.org"'))
    with register(tmp_path) as session:
        version = take_in(session, careless, tmp_path)
        assert version.state is VersionState.QUARANTINED
        (finding,) = version.scan["findings"]
        assert (finding["what"], finding["column"], finding["rows"]) == ("e-mail address", "ward", 2)
        with pytest.raises(WrongState, match="is quarantined; to approve it, it has to be scanned"):
            approve(session, version, actor="owner")


def test_bad_input_keeps_nothing(tmp_path: Path) -> None:
    with register(tmp_path) as session:
        for changes, stays, error in (
            ([("checkers = 2", "checkers = 0")], STAYS, CatalogueError),
            ([], edited(STAYS, ("10.005", "x")), SourceError),
            ([], edited(STAYS, ("ward", "wards")), SourceError),
            ([], STAYS.split("\n")[0] + "\n", SourceError),
        ):
            with pytest.raises(error):
                take_in(session, write_small(tmp_path, *changes, stays=stays), tmp_path)
        assert versions_of(session, "stays") == []
        assert audit.verify(session) == 0
    assert not list((tmp_path / "datasets").rglob("*.parquet"))
    assert not list((tmp_path / "datasets").rglob(f"{TEMPORARY}*"))


@pytest.mark.parametrize("actor", ["owner", "researcher", "checker", "operator"])
def test_only_a_steward_takes_a_file_in(actor: str, tmp_path: Path) -> None:
    with register(tmp_path) as session:
        path = write_small(tmp_path)
        with pytest.raises(WrongRole, match="Only a data steward can do this"):
            steward.take_in(session, path, folder=tmp_path, search=(), secret=OTHER_SECRET, actor=actor)


def test_all_the_way_to_available(tmp_path: Path) -> None:
    with register(tmp_path) as session:
        version = available(session, write_small(tmp_path), tmp_path)
        assert version.state is VersionState.AVAILABLE
        assert take_in(session, tmp_path / "stays.toml", tmp_path) is version
        with pytest.raises(WrongState, match="is available; to make available it, it has to be approved"):
            make_available(session, version, actor="steward")


def test_what_was_published_but_never_recorded_is_made_anew(tmp_path: Path) -> None:
    """A process that dies between the rename and the commit leaves a folder that nobody vouches for."""
    orphan = tmp_path / "datasets" / "stays" / "v1"
    orphan.mkdir(parents=True)
    (orphan / "data.parquet").write_bytes(b"not vouched for")
    orphan.chmod(0o550)
    with register(tmp_path) as session:
        version = take_in(session, write_small(tmp_path), tmp_path)
        assert version.data().parent == orphan and version.number == 1


KILLED = """
import sys, time
from pathlib import Path
import datasets.steward as steward
from tests.datasets.factories import register, take_in
def hang(*_, **__):
    print("making", flush=True)
    time.sleep(60)
steward.scan = hang
state = Path(sys.argv[1])
with register(state) as session:
    take_in(session, state / "stays.toml", state)
"""


def test_a_killed_steward_leaves_nothing_that_is_used(tmp_path: Path) -> None:
    write_small(tmp_path)
    killed = tmp_path / "killed"
    killed.mkdir()
    write_small(killed)
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(killed)], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ
    )
    assert process.stdout and process.stdout.readline() == "making\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    home = killed / "datasets" / "stays"
    assert [path.name.startswith(TEMPORARY) for path in home.iterdir()] == [True]
    (killed / "register.sqlite").unlink()
    with register(killed) as session:
        version = take_in(session, killed / "stays.toml", killed)
        assert [path.name for path in home.iterdir()] == ["v1"] and version.data().is_file()
