"""Examine a package that came from anywhere: what is wrong with it, in sentences. Pure, and needs no network.

The signature is over the bytes of `manifest.json`, which names every other file with its SHA-256. So one question is
whether the signature fits under a key that is known and not revoked, and the other whether the files are those.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from safe_outputs.errors import Tampered, UnusableKey
from safe_outputs.package.contents import KEY, MANIFEST, RECORD, SIGNATURE
from safe_outputs.package.keys import KnownKey, PublicKey
from safe_outputs.store import digest_of

Files = Mapping[str, bytes | None]
"""The content of every file by its name in the package; None for what is there and is no plain file."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileEntry(_Frozen):
    name: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0)


class Manifest(_Frozen):
    """What is signed. `key`: the id of the key that signed it."""

    form: Literal["saferoom-manifest/1"] = Field(alias="schema")
    release: str
    released_at: AwareDatetime
    key: str = Field(pattern=r"^[0-9a-f]{32}$")
    files: tuple[FileEntry, ...]

    @property
    def digests(self) -> dict[str, str]:
        return {each.name: each.sha256 for each in self.files}


@dataclass(frozen=True)
class Examined:
    """A package's manifest and all that is wrong with it; without problems it is what was released."""

    manifest: Manifest
    problems: tuple[str, ...]

    @property
    def in_words(self) -> str:
        """The one sentence for a package without problems."""
        found, at = self.manifest, self.manifest.released_at
        return (
            f"Release {_shown(found.release)} of {at:%-d %B %Y, %H:%M %Z} is as it was released: "
            f"{len(found.files)} files, signed with the key {found.key}."
        )


def examine(files: Files, known: Mapping[str, KnownKey]) -> Examined:
    """All that is wrong with a package, the signature first. `known`: the publisher's keys by id.

    Raises:
        Tampered: there is no manifest that could be examined.
    """
    content = files.get(MANIFEST)
    manifest = read_manifest(content, signed_once=RECORD in files)
    problems = [*_about_signature(manifest, content or b"", files, known), *_about_files(manifest, files)]
    return Examined(manifest, tuple(problems))


def read_manifest(content: bytes | None, *, signed_once: bool = False) -> Manifest:
    """The manifest in these bytes. Raises `Tampered`. `signed_once`: a record lies beside the missing manifest."""
    if content is None:
        hint = (
            " If it was released before there were signatures, compare its files with the hashes on its public page."
            if signed_once
            else " Name the folder, or the ZIP, that was downloaded whole."
        )
        raise Tampered(
            f"There is no {MANIFEST}, so this is no signed release package, or it lost its list of files.{hint}"
        )
    try:
        return Manifest.model_validate_json(content)
    except ValidationError:
        raise Tampered(f"{MANIFEST} is damaged, so the package cannot be trusted. Download it again.") from None


def _about_signature(manifest: Manifest, content: bytes, files: Files, known: Mapping[str, KnownKey]) -> Iterator[str]:
    """What is wrong with the signature, and with the key that made it."""
    found = known.get(manifest.key)
    key = found.key if found else _own_key(files)
    if key is None or key.id != manifest.key or not key.signed(content, files.get(SIGNATURE) or b""):
        yield (
            f"The signature in {SIGNATURE} is not that of {MANIFEST}: one of the two, or {KEY}, was changed, or is "
            "missing. Do not use the package; download it again from its publisher."
        )
        return
    if found is None:
        yield (
            f"It is signed with the key {manifest.key}, which is not among the known keys, so anybody may have made "
            "it. Give --key with the list of keys from the publisher's own page, and do not use the package if the key "
            "is not there."
        )
    elif found.revoked is not None:
        yield (
            f"It is signed with the key {manifest.key}, which was revoked on {found.revoked.at:%-d %B %Y} "
            f"({_shown(found.revoked.reason)}). Nothing that is signed with it can be trusted; ask the publisher."
        )
    elif found.until is not None and manifest.released_at > found.until:
        yield (
            f"It says that it was released after its key {manifest.key} was retired, on {found.until:%-d %B %Y}. "
            "Do not use it; ask the publisher."
        )


def _own_key(files: Files) -> PublicKey | None:
    """The key that lies in the package. It proves nothing about who signed."""
    try:
        return PublicKey.of_pem(files.get(KEY) or b"")
    except UnusableKey:
        return None


def _about_files(manifest: Manifest, files: Files) -> Iterator[str]:
    """Files that were changed, renamed, taken away, or put there."""
    expected = manifest.digests
    missing = {name for name in expected if name not in files}
    added = sorted(set(files) - set(expected) - {MANIFEST, SIGNATURE})
    for name in sorted(set(expected) & set(files)):
        if _digest(files[name]) != expected[name]:
            yield f"The file {_shown(name)} was changed: it is not the one that was released. Do not use it."
    for name in added:
        digest = _digest(files[name])
        if before := next((each for each in sorted(missing) if expected[each] == digest), None):
            missing.discard(before)
            yield f"The file {_shown(before)} was renamed to {_shown(name)}. Give it its name back."
        else:
            yield f"The file {_shown(name)} was added: it was never released. Do not use it."
    for name in sorted(missing):
        yield f"The file {_shown(name)} is missing. Download the package again."


def _digest(content: bytes | None) -> str | None:
    return None if content is None else digest_of(content)


def _shown(text: str) -> str:
    """Other people's text on one line, with every character that would not show written as its code."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode() for each in text
    )
