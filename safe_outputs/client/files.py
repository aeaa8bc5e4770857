"""Files that a request holds: outputs with what a checker needs to judge them, and evidence that never leaves."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safe_outputs.client.gate import Gate, Refused
from safe_outputs.limits import LARGEST_FILE, LARGEST_REQUEST, why_too_large


@dataclass(frozen=True)
class File:
    """A file of yours that is to leave, with what you state of it."""

    path: Path
    statement: dict[str, Any] = field(repr=False)

    @property
    def size(self) -> int:
        return size_of(self.path)


def file(
    path: str | Path,
    *,
    what: str,
    shows: str,
    made: str,
    why_safe: str,
    data: str | Sequence[str] = (),
    units: int | None = None,
    smallest: int | None = None,
    largest_two_percent: float | None = None,
    degrees_of_freedom: int | None = None,
) -> File:
    """A file to put into a request. Files are judged by people alone: ask for a statistic where one can say the same.

    Args:
        path: the file. What it is is read from its bytes, not from its name; archives and programs are refused.
        what: "counts", "magnitudes" (means, totals), "figure", "model", "code" or "text".
        shows: what it shows.
        made: how you made it.
        why_safe: why nobody can be told from it.
        data: the datasets from which you made it; none for code and text.
        units: how many persons (households, businesses) stand behind all of it.
        smallest: how few stand behind its smallest cell, bar or point.
        largest_two_percent: the most that two units give to one total, in percent; for magnitudes.
        degrees_of_freedom: of a model's residuals.
    """
    statement = {
        "what": what,
        "shows": shows,
        "made": made,
        "why_safe": why_safe,
        "data": [data] if isinstance(data, str) else list(data),
        "units": units,
        "smallest": smallest,
        "largest_two_percent": largest_two_percent,
        "degrees_of_freedom": degrees_of_freedom,
    }
    return File(Path(path), statement)


def require_bounded(paths: Sequence[Path]) -> None:
    """Look at all files before the first is sent. Raises `Refused` for one that is not there, or too much."""
    sizes = [size_of(each) for each in paths]
    for path, size in zip(paths, sizes, strict=True):
        if (reason := why_too_large(size, LARGEST_FILE, f"The file {path.name}")) is not None:
            raise Refused(reason, 422)
    if (reason := why_too_large(sum(sizes), LARGEST_REQUEST, "The files of a request")) is not None:
        raise Refused(reason, 422)


def size_of(path: Path) -> int:
    """The size in bytes. Raises `Refused` when there is no such file."""
    try:
        if path.is_file():
            return path.stat().st_size
    except (OSError, ValueError):
        pass
    raise Refused(f"There is no file {path}. Check the name; paths begin where the notebook is.", 422)


def hand_in(gate: Gate, path: Path, role: str) -> dict[str, Any]:
    """Send the file as `output` or `evidence`. Sent again, it is the same file. Raises `Refused`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Refused(f"The file {path} cannot be read ({error.strerror}). Nothing was sent.", 422) from None
    found: dict[str, Any] = gate.send(f"/files/{role}", path.name, content)
    return found
