"""The room: who works here on what, the data that is open, and the names of its columns."""

import os
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from safe_outputs.answers import Answer
from safe_outputs.client.gate import Gate, Refused, open_gate
from safe_outputs.client.policy import policy_in_words
from safe_outputs.statistics import Condition, Scalar

_present: list["Room"] = []


@dataclass(frozen=True)
class Where:
    """Conditions that all have to hold; joined with `&`."""

    conditions: tuple[Condition, ...]
    dataset: str = ""

    def __and__(self, other: "Where") -> "Where":
        return Where((*self.conditions, *other.conditions), self.dataset)

    def __or__(self, other: object) -> "Where":
        raise TypeError("Conditions can be joined with & only. Ask for two statistics, or use .isin([...]).")

    def __bool__(self) -> bool:
        raise TypeError("Join conditions with &, not with “and”: (visits.year == 1) & (visits.site == 'Dayton').")


@dataclass(frozen=True, eq=False)
class Column:
    """A column of a dataset, by name. Comparing it gives a condition for a population."""

    dataset: str
    name: str
    label: str = ""
    kind: str = ""
    unit: str | None = None
    description: str = ""
    categories: tuple[str, ...] = ()

    def __eq__(self, value: object) -> Where:  # type: ignore[override]  # a condition, as in pandas
        return self._compare("==", value)

    def __ne__(self, value: object) -> Where:  # type: ignore[override]  # a condition, as in pandas
        return self._compare("!=", value)

    def __lt__(self, value: Scalar) -> Where:
        return self._compare("<", value)

    def __le__(self, value: Scalar) -> Where:
        return self._compare("<=", value)

    def __gt__(self, value: Scalar) -> Where:
        return self._compare(">", value)

    def __ge__(self, value: Scalar) -> Where:
        return self._compare(">=", value)

    __hash__ = object.__hash__

    def isin(self, values: list[Scalar]) -> Where:
        """The rows whose value is one of these."""
        return Where((Condition(column=self.name, operator="in", values=tuple(values)),), self.dataset)

    def _compare(self, operator: Any, value: Any) -> Where:
        return Where((Condition(column=self.name, operator=operator, values=(value,)),), self.dataset)

    def __repr__(self) -> str:
        unit = f", {self.unit}" if self.unit else ""
        codes = f": {', '.join(self.categories)}" if self.categories else ""
        return f"{self.name} – {self.label or self.name} ({self.kind}{unit}){codes}"


class Source:
    """A dataset that is open to this project; its columns are attributes."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self._facts = facts
        self._columns = {each["name"]: _column(facts["name"], each) for each in facts["columns"]}

    @property
    def name(self) -> str:
        return str(self._facts["name"])

    @property
    def table(self) -> str:
        return str(self._facts["table"])

    @property
    def in_words(self) -> str:
        """Title, version and size."""
        return f"{self._facts['title']} (v{self._facts['version']}, {self._facts['rows']:,} rows)"

    @property
    def ways_to_leave(self) -> list[str]:
        """How each kind of statistic may leave, by the data owner's release policy."""
        return policy_in_words(self._facts.get("policy", {}))

    def duckdb(self) -> duckdb.DuckDBPyConnection:
        """A read-only connection to the project copy."""
        folder = os.environ.get("SAFEROOM_DATA", ".")
        return duckdb.connect(str(Path(folder) / self._facts["copy"]), read_only=True)

    def frame(self) -> pd.DataFrame:
        """The project copy as a pandas frame."""
        with self.duckdb() as connection:
            return connection.table(self.table).df()

    def __getattr__(self, name: str) -> Column:
        try:
            return self._columns[name]
        except KeyError:
            raise AttributeError(f"{self.name} has no column “{name}”. It has: {', '.join(self._columns)}.") from None

    def __getitem__(self, name: str) -> Column:
        return self.__getattr__(name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._columns]

    def __repr__(self) -> str:
        head = f"{self.table} ({self.name} v{self._facts['version']}, {self._facts['rows']:,} rows)"
        columns = (repr(column) for column in self._columns.values())
        return "\n  ".join([head, *columns, *(f"leaves as {way}" for way in self.ways_to_leave)])


def _column(dataset: str, facts: dict[str, Any]) -> Column:
    return Column(
        dataset=dataset,
        name=facts["name"],
        label=facts.get("label", ""),
        kind=facts.get("type", ""),
        unit=facts.get("unit"),
        description=facts.get("description", ""),
        categories=tuple(facts.get("categories") or ()),
    )


@dataclass(frozen=True)
class Room:
    """One person's work in one project. `previews`: the newest of each private question, by the question's hash."""

    gate: Gate
    facts: dict[str, Any]
    sources: dict[str, Source] = field(default_factory=dict)
    previews: dict[str, Answer] = field(default_factory=dict, repr=False, compare=False)

    def __getattr__(self, name: str) -> Source:
        for source in self.sources.values():
            if name in {source.table, source.name}:
                return source
        tables = ", ".join(source.table for source in self.sources.values())
        raise AttributeError(f"No “{name}” is open to this project. Open: {tables}.")

    def __getitem__(self, name: str) -> Source:
        return self.__getattr__(name)

    def __repr__(self) -> str:
        lines = [f"  {each.table} – {each.in_words}" for each in self.sources.values()]
        return "\n".join([f"You work in {self.facts['project']['name']}. You can use:", *lines, *self._closing()])

    def _repr_html_(self) -> str:
        project = escape(self.facts["project"]["name"])
        items = "".join(
            f"<li><code>{escape(each.table)}</code> – {escape(each.in_words)}</li>" for each in self.sources.values()
        )
        closing = "".join(f"<p>{escape(line)}</p>" for line in self._closing())
        return f"<p>You work in <b>{project}</b>. You can use:</p><ul>{items}</ul>{closing}"

    def _closing(self) -> list[str]:
        training = f"Your training is valid for another {self.facts['training_days']} days."
        return [f"{training} Statistics leave through review.", *self.facts.get("notices", [])]


def connect() -> Room:
    """Enter the room of this session. Raises `Refused` when the session's rights have ended."""
    gate = open_gate()
    facts = gate.call("GET", "/session")
    room = Room(gate, facts, {each["name"]: Source(each) for each in facts["datasets"]})
    _present[:] = [room]
    return room


def present_room() -> Room:
    """The room that `connect` entered. Raises `Refused` before that."""
    if not _present:
        raise Refused("You are not connected yet. Run so.connect() first.", 409)
    return _present[0]
