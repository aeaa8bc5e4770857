"""What `verify` finds: every change of every file, and every key that is not to be trusted, in sentences."""

import io
import json
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safe_outputs.errors import NoSuchThing, Tampered
from safe_outputs.package.contents import as_json
from safe_outputs.package.keys import KnownKey, Revocation, SigningKey
from safe_outputs.package.reading import verified_record, verify
from safe_outputs.package.verify import examine
from safe_outputs.package.zipped import as_zip
from tests.safe_outputs.factories import RELEASE_KEY
from tests.safe_outputs.package.packages import FACTS, KNOWN, RELEASED_AT, a_folder, some_files

TABLE = "1-crosstab.csv"


def problems(path: Path, known: dict[str, KnownKey] = KNOWN) -> tuple[str, ...]:
    return verify(path, known).problems


def test_what_was_released_verifies_as_folder_and_as_zip(tmp_path: Path) -> None:
    folder, archive = a_folder(tmp_path), tmp_path / "package.zip"
    archive.write_bytes(as_zip(FACTS["id"], some_files(tmp_path)))
    for path in (folder, archive):
        examined = verify(path, KNOWN)
        assert examined.problems == ()
        assert f"Release {FACTS['id']} of 24 November 2026, 09:30 UTC is as it was released" in examined.in_words
        assert verified_record(path, KNOWN)["title"] == FACTS["title"]


def change(folder: Path) -> None:
    path = folder / TABLE
    path.write_bytes(path.read_bytes().replace(b"100", b"101", 1))


def empty_line(folder: Path) -> None:
    path = folder / TABLE
    path.write_bytes(path.read_bytes() + b"\n")


def rename(folder: Path) -> None:
    (folder / TABLE).rename(folder / "table.csv")


def into_a_folder(folder: Path) -> None:
    (folder / "inner").mkdir()
    (folder / TABLE).rename(folder / "inner" / TABLE)


def swap(folder: Path) -> None:
    (folder / TABLE).rename(folder / "x")
    (folder / "2-private-count.csv").rename(folder / TABLE)
    (folder / "x").rename(folder / "2-private-count.csv")


def link(folder: Path) -> None:
    (folder / TABLE).rename(folder.parent / TABLE)
    (folder / TABLE).symlink_to(folder.parent / TABLE)


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a number": (change, f"The file {TABLE} was changed"),
    "a line more": (empty_line, f"The file {TABLE} was changed"),
    "a file less": (lambda folder: (folder / TABLE).unlink(), f"The file {TABLE} is missing"),
    "another name": (rename, f"The file {TABLE} was renamed to table.csv"),
    "another folder": (into_a_folder, f"The file {TABLE} was renamed to inner/{TABLE}"),
    "names exchanged": (swap, f"The file {TABLE} was changed"),
    "a link in its place": (link, f"The file {TABLE} was changed"),
    "a file more": (lambda folder: (folder / "more.csv").write_text("a\n"), "The file more.csv was added"),
    "a hidden file": (lambda folder: (folder / ".x").write_text("a\n"), "The file .x was added"),
    "an empty folder": (lambda folder: (folder / "inner").mkdir(), "The file inner/ was added"),
    "a name that hides": (lambda folder: (folder / "a\u202eb\x1b").write_text(""), "The file a\\u202eb\\x1b was added"),
    "the record": (lambda folder: (folder / "release.json").write_text("{}"), "The file release.json was changed"),
    "the crate": (lambda folder: (folder / "ro-crate-metadata.json").unlink(), "ro-crate-metadata.json is missing"),
    "the key": (lambda folder: (folder / "public-key.pem").write_text("x"), "The file public-key.pem was changed"),
    "no signature": (lambda folder: (folder / "manifest.sig").unlink(), "The signature in manifest.sig is not that of"),
    "a short signature": (lambda folder: (folder / "manifest.sig").write_bytes(b"1"), "The signature in manifest.sig"),
    "no other signature": (
        lambda folder: (folder / "manifest.sig").write_bytes(RELEASE_KEY.sign(b"other")),
        "The signature in manifest.sig",
    ),
}


@pytest.mark.parametrize("name", list(CHANGES))
def test_every_change_is_found_and_said(tmp_path: Path, name: str) -> None:
    folder = a_folder(tmp_path)
    CHANGES[name][0](folder)
    assert CHANGES[name][1] in problems(folder)[0]
    with pytest.raises(Tampered):
        verified_record(folder, KNOWN)


@given(st.data())
def test_no_byte_of_any_file_can_be_another(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    files = some_files(tmp_path_factory.mktemp("package"))
    name = data.draw(st.sampled_from(sorted(files)))
    place = data.draw(st.integers(0, len(files[name]) - 1))
    other = data.draw(st.integers(1, 255))
    changed = bytearray(files[name])
    changed[place] ^= other
    try:
        found = examine(files | {name: bytes(changed)}, KNOWN).problems
    except Tampered:
        return
    assert found


def test_a_manifest_that_was_made_to_fit_is_not_signed(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    change(folder)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    for each in manifest["files"]:
        if each["name"] == TABLE:
            each["sha256"] = __import__("hashlib").sha256((folder / TABLE).read_bytes()).hexdigest()
    (folder / "manifest.json").write_bytes(as_json(manifest))
    assert "The signature in manifest.sig is not that of manifest.json" in problems(folder)[0]


def test_a_package_that_somebody_else_signed_is_of_an_unknown_key(tmp_path: Path) -> None:
    """Whoever can change a package can sign it with a key of her own; only the publisher's list tells."""
    other = SigningKey(b"o" * 32)
    folder = a_folder(tmp_path, key=other)
    (found,) = problems(folder)
    assert f"signed with the key {other.public.id}, which is not among the known keys" in found
    assert problems(folder, {other.public.id: KnownKey(other.public)}) == ()


def test_a_key_that_takes_the_name_of_a_known_one_does_not_fit(tmp_path: Path) -> None:
    other = SigningKey(b"o" * 32)
    files = some_files(tmp_path, key=other)
    manifest = json.loads(files["manifest.json"]) | {"key": RELEASE_KEY.public.id}
    content = as_json(manifest)
    found = examine(files | {"manifest.json": content, "manifest.sig": other.sign(content)}, KNOWN).problems
    assert "The signature in manifest.sig" in found[0]


def test_a_key_that_takes_an_unknown_name_does_not_fit(tmp_path: Path) -> None:
    files = some_files(tmp_path)
    content = as_json(json.loads(files["manifest.json"]) | {"key": "0" * 32})
    found = examine(files | {"manifest.json": content, "manifest.sig": RELEASE_KEY.sign(content)}, {}).problems
    assert "The signature in manifest.sig" in found[0]


def test_a_revoked_key_is_not_trusted_and_the_reason_is_said(tmp_path: Path) -> None:
    key = KNOWN[RELEASE_KEY.public.id]
    revoked = {RELEASE_KEY.public.id: replace(key, revoked=Revocation(RELEASED_AT, "It was copied.\x1b"))}
    (found,) = problems(a_folder(tmp_path), revoked)
    assert "revoked on 24 November 2026 (It was copied.\\x1b)" in found


def test_a_retired_key_is_trusted_for_its_time_and_no_later(tmp_path: Path) -> None:
    key, folder = KNOWN[RELEASE_KEY.public.id], a_folder(tmp_path)
    later, earlier = (RELEASED_AT + timedelta(days=days) for days in (1, -1))
    assert problems(folder, {key.key.id: replace(key, until=later)}) == ()
    assert "after its key" in problems(folder, {key.key.id: replace(key, until=earlier)})[0]


def test_several_known_keys(tmp_path: Path) -> None:
    second = SigningKey(b"2" * 32)
    known = KNOWN | {second.public.id: KnownKey(second.public)}
    for number, key in enumerate((RELEASE_KEY, second)):
        (tmp_path / str(number)).mkdir()
        assert problems(a_folder(tmp_path / str(number), key=key), known) == ()


@pytest.mark.parametrize(
    "manifest", [None, b"", b"{}", b"[", b'{"schema": "saferoom-manifest/2"}', b"\xff", b"[" * 100_000]
)
def test_without_a_manifest_nothing_can_be_examined(tmp_path: Path, manifest: bytes | None) -> None:
    files = some_files(tmp_path)
    del files["manifest.json"]
    with pytest.raises(Tampered):
        examine(files if manifest is None else files | {"manifest.json": manifest}, KNOWN)


def test_an_earlier_package_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(Tampered, match="before there were signatures, compare its files with the hashes"):
        examine({"release.json": b"{}"}, KNOWN)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoSuchThing, match="There is no release package"):
        verify(tmp_path / "nothing", KNOWN)


def zipped(files: dict[str, bytes], compression: int = zipfile.ZIP_STORED, also: bytes = b"", **more: bytes) -> bytes:
    buffer = io.BytesIO(also)
    with zipfile.ZipFile(buffer, "a", compression) as archive:
        for name, content in [*sorted(files.items()), *more.items()]:
            archive.writestr(f"{FACTS['id']}/{name}", content)
    return buffer.getvalue()


def test_a_zip_that_hides_something_is_not_read(tmp_path: Path) -> None:
    files, path = some_files(tmp_path), tmp_path / "package.zip"
    good = as_zip(FACTS["id"], files)
    for content in (
        b"",
        b"PK",
        good[:-30],
        good + b"x",
        b"#!/bin/sh\n" + good,
        zipped(files),
        zipped(files, zipfile.ZIP_DEFLATED),
        zipped(files, also=b"x" * 100),
        as_zip("", files),
        as_zip("..", files),
    ):
        path.write_bytes(content)
        with pytest.raises(Tampered):
            verify(path, KNOWN)


def test_openssl_agrees(tmp_path: Path) -> None:
    """Another implementation, and a way to verify without Saferoom."""
    folder = a_folder(tmp_path)
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "public-key.pem", "-rawin"]
    command += ["-in", "manifest.json", "-sigfile", "manifest.sig"]
    assert subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0
    (folder / "manifest.json").write_bytes((folder / "manifest.json").read_bytes() + b"\n")
    assert subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 1
