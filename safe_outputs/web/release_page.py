"""What the public page of a release says, made from its record and files alone. Pure."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from safe_outputs.answers import Cell, Column, TableOfCells
from safe_outputs.contents.statements import in_words
from safe_outputs.earlier import present_answer
from safe_outputs.errors import Tampered
from safe_outputs.statistics import plan_from_json
from safe_outputs.web import words
from safe_outputs.web.tables import Shown, show, title

WITHHELD = "so that nobody can be told from it"


@dataclass(frozen=True)
class ReleasedStatistic:
    title: str
    population: str
    protection: str
    shown: Shown
    file: str
    size: int


@dataclass(frozen=True)
class ReleasedFile:
    """A file that people made, with what its author states: label and text. `title` is the author's name for it."""

    title: str
    stated: tuple[tuple[str, str], ...]
    file: str
    size: int


@dataclass(frozen=True)
class ReleasedGroup:
    """`statistics` and `files` of one group; title and context are None where they say what the release says."""

    title: str | None
    context: str | None
    statistics: tuple[ReleasedStatistic, ...]
    files: tuple[ReleasedFile, ...]


@dataclass(frozen=True)
class FileHash:
    name: str
    digest: str


@dataclass(frozen=True)
class ReleasePage:
    """`opening` is what a member of the public reads first; `accountable` names who answers for the release.

    `key`: the id of the key that signed it; None before there were signatures.
    """

    id: str
    title: str
    opening: str
    purpose: str
    groups: tuple[ReleasedGroup, ...]
    accountable: tuple[tuple[str, str], ...]
    hashes: tuple[FileHash, ...]
    key: str | None

    @property
    def statistics(self) -> tuple[ReleasedStatistic, ...]:
        """All of them, group by group."""
        return tuple(each for group in self.groups for each in group.statistics)


def lay_out(
    record: dict[str, Any], contents: Mapping[str, bytes], digests: Mapping[str, str], zone: tzinfo = UTC
) -> ReleasePage:
    """The page of a release whose record and files were verified.

    `contents` holds the files by name, `digests` the SHA-256 of those whose hash is shown; times are in `zone`.
    """
    return ReleasePage(
        id=record["id"],
        title=record["title"],
        opening=opening(record, zone),
        purpose=record["purpose"],
        groups=tuple(_groups(record, contents)),
        accountable=tuple(_accountable(record, zone)),
        hashes=tuple(FileHash(name, digest) for name, digest in sorted(digests.items())),
        key=record.get("signed_with"),
    )


def _groups(record: dict[str, Any], contents: Mapping[str, bytes]) -> Iterator[ReleasedGroup]:
    """The groups of a release; one of before there were groups is one group."""
    statistics = {each["id"]: present_answer(each) for each in record["statistics"]}
    files = {each["id"]: each for each in record.get("files", ())}
    whole = {"title": None, "context": None, "statistics": list(statistics), "files": list(files)}
    for group in record.get("groups", [whole]):
        own = (group["title"], group["context"]) != (record["title"], record["purpose"])
        yield ReleasedGroup(
            title=group["title"] if own else None,
            context=group["context"] if own else None,
            statistics=tuple(
                _statistic(statistics[each], contents[statistics[each]["file"]["name"]]) for each in group["statistics"]
            ),
            files=tuple(_file(files[each]) for each in group["files"]),
        )


def _file(file: dict[str, Any]) -> ReleasedFile:
    stated = tuple(in_words(file["statement"]))
    return ReleasedFile(file["called"], stated, file["file"]["name"], file["file"]["size"])


def opening(record: dict[str, Any], zone: tzinfo = UTC) -> str:
    """Who released what, from which data, when; in plain words."""
    files = record.get("files", ())
    titles = {each["source"]["dataset"]: each["source"]["title"] for each in record["statistics"]}
    of_files = (titles.get(name, name) for each in files for name in each["statement"]["data"])
    sources = " and ".join(dict.fromkeys([*titles.values(), *of_files]))
    counted = ((len(record["statistics"]), "table"), (len(files), "file"))
    things = " and ".join(words.count(number, what) for number, what in counted if number)
    day = words.day(datetime.fromisoformat(record["released_at"]), zone)
    return (
        f"On {day} {record['project']['name']} released {things}"
        f"{f' from {sources}' if sources else ''}. The data about single {_units(record)} stay where they are: only "
        "what you see here "
        f"left, after {words.count(len(record['approvals']), 'output checker')} from outside the project had approved "
        "it. The researchers say what it is for:"
    )


def protection(statistic: dict[str, Any]) -> str:
    """How the people behind one table are protected, in plain words."""
    units, noise, withheld = statistic["unit"], statistic["noise"], statistic["withheld"]
    profile = f"{statistic['profile']['name']}, version {statistic['profile']['version']}"
    if noise:
        return (
            "How it is protected: random noise was added to every number, so that nobody can tell from these numbers "
            f"whether any one of the {units} is among them. With a probability of "
            f"{words.percent(noise['confidence'])} a number is no further from what it would be without noise than: "
            f"{_errors(noise)}. {noise['bound']}"
        ).strip()
    if withheld:
        return (
            f"How it is protected: {withheld} of {words.count(statistic['cells'], 'cell')} "
            f"{'is' if withheld == 1 else 'are'} withheld (▒), because too few {units} stand behind them or because "
            f"they would give others away. The other numbers are exact. Rules: {profile}."
        )
    return f"How it is protected: enough {units} stand behind every cell, so all numbers are exact. Rules: {profile}."


def _errors(noise: dict[str, Any]) -> str:
    several = len(noise["errors"]) > 1
    return "; ".join(f"{each['measure'] + ' ' if several else ''}{each['words']}" for each in noise["errors"])


def _units(record: dict[str, Any]) -> str:
    return " and ".join(dict.fromkeys(each["unit"] for each in record["statistics"])) or "persons"


def _statistic(statistic: dict[str, Any], content: bytes) -> ReleasedStatistic:
    table = _table(statistic, content)
    return ReleasedStatistic(
        title=title(table.dimensions, table.measures),
        population=words.population(plan_from_json(statistic["plan"])),
        protection=protection(statistic),
        shown=show(table),
        file=statistic["file"]["name"],
        size=statistic["file"]["size"],
    )


def _table(statistic: dict[str, Any], content: bytes) -> TableOfCells:
    """The table in a released file, whose columns the record names. Raises `Tampered` when it holds another."""
    dimensions = tuple(Column.model_validate(each) for each in statistic["columns"]["dimensions"])
    measures = tuple(Column.model_validate(each) for each in statistic["columns"]["measures"])
    head, *lines = csv.reader(io.StringIO(content.decode("utf-8"), newline=""))
    ranged = [place for place, each in enumerate(measures) if f"{each.name}_low" in head]
    ends = [f"{measures[place].name}_{end}" for place in ranged for end in ("low", "high")]
    if head != [*(each.name for each in (*dimensions, *measures)), *ends, "status"]:
        raise Tampered("A file of this release does not have the columns that its record names. Tell the operator.")
    cells = tuple(_cell(line, len(dimensions), measures, ranged) for line in lines)
    return TableOfCells(dimensions=dimensions, measures=measures, cells=cells)


def _cell(line: list[str], dimensions: int, measures: tuple[Column, ...], ranged: list[int]) -> Cell:
    """A line of a file: codes, values, the ends of the intervals of those measures that have them, and status."""
    codes, values, ends = (
        tuple(line[:dimensions]),
        line[dimensions : dimensions + len(measures)],
        line[dimensions + len(measures) : -1],
    )
    if line[-1] != "published":
        return Cell(codes=codes, status="primary", reason=WITHHELD, values=(None,) * len(measures))
    found = {place: _range(*ends[2 * n : 2 * n + 2]) for n, place in enumerate(ranged)}
    ranges = tuple(found.get(place) for place in range(len(measures))) if ranged else ()
    return Cell(codes=codes, status="published", values=tuple(map(_value, values, measures)), ranges=ranges)


def _range(low: str, high: str) -> tuple[float, float] | None:
    return (float(low), float(high)) if low and high else None


def _value(text: str, column: Column) -> int | float | None:
    if text == "":
        return None
    return float(text) if column.decimals else int(text)


def _accountable(record: dict[str, Any], zone: tzinfo) -> list[tuple[str, str]]:
    def person(each: dict[str, str]) -> str:
        return f"{each['full_name']}, {each['organisation']}"

    return [
        ("Project", f"{record['project']['name']}: {record['project']['purpose']}"),
        ("Asked by", person(record["author"])),
        ("Approved by", "; ".join(person(each) for each in record["approvals"])),
        ("Released", words.exact(datetime.fromisoformat(record["released_at"]), zone)),
    ]
