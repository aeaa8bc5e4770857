"""Expressions of private statistics, as JSON: what is sent is a description, never code or SQL."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from safe_outputs.client.gate import Refused
from safe_outputs.client.room import Column, Where
from safe_outputs.statistics import Condition, Node, Scalar

Value: TypeAlias = int | float | str


@dataclass(frozen=True, eq=False)
class Derived:
    """Something made of columns. Comparing it gives a condition; numbers can be added, subtracted and multiplied."""

    dataset: str
    name: str
    node: Node

    def __eq__(self, value: object) -> "Derived":  # type: ignore[override]  # a condition, as in pandas
        return self._compare("==", value)

    def __ne__(self, value: object) -> "Derived":  # type: ignore[override]  # a condition, as in pandas
        return self._compare("!=", value)

    def __lt__(self, value: Any) -> "Derived":
        return self._compare("<", value)

    def __le__(self, value: Any) -> "Derived":
        return self._compare("<=", value)

    def __gt__(self, value: Any) -> "Derived":
        return self._compare(">", value)

    def __ge__(self, value: Any) -> "Derived":
        return self._compare(">=", value)

    __hash__ = object.__hash__

    def __add__(self, other: Any) -> "Derived":
        return self._calculated("+", other)

    def __sub__(self, other: Any) -> "Derived":
        return self._calculated("-", other)

    def __mul__(self, other: Any) -> "Derived":
        return self._calculated("*", other)

    def __and__(self, other: "Where | Derived") -> "Derived":
        return Derived(self.dataset, self.name, _flat("and", [self.node, condition_of(other)]))

    def __or__(self, other: "Where | Derived") -> "Derived":
        return Derived(self.dataset, self.name, _flat("or", [self.node, condition_of(other)]))

    def __invert__(self) -> "Derived":
        return Derived(self.dataset, self.name, {"op": "not", "of": self.node})

    def __bool__(self) -> bool:
        raise TypeError("Join conditions with & and |, not with “and” and “or”.")

    def _compare(self, operator: str, value: Any) -> "Derived":
        node: Node = {"op": "compare", "operator": operator, "left": self.node, "right": node_of(value)}
        return Derived(self.dataset, self.name, node)

    def _calculated(self, operator: str, other: Any) -> "Derived":
        node: Node = {"op": "arithmetic", "operator": operator, "left": self.node, "right": node_of(other)}
        return Derived(self.dataset, self.name, node)


def derived(column: Column) -> Derived:
    """The column as an expression that can be calculated with."""
    return Derived(column.dataset, column.name, node_of(column))


def node_of(value: Any) -> Node:
    """A column, an expression or a constant as JSON. Raises `Refused` for anything else."""
    match value:
        case Derived():
            return value.node
        case Column():
            return {"op": "column", "name": value.name}
        case bool():
            return {"op": "truth", "value": value}
        case int() | float():
            return {"op": "number", "value": str(value)}
        case str():
            return {"op": "text", "value": value}
    raise Refused("Name columns of a dataset, or constants; not arrays or frames.", 422)


key_of = node_of


def condition_of(where: Where | Derived) -> Node:
    """The conditions as one expression."""
    if isinstance(where, Derived):
        return where.node
    if not isinstance(where, Where):
        raise Refused("Give conditions on columns, for example (visits.age >= 18) & (visits.year == 'Year 1').", 422)
    return _flat("and", [_comparison(each) for each in where.conditions])


def _comparison(condition: Condition) -> Node:
    column: Node = {"op": "column", "name": condition.column}
    if condition.operator == "in":
        return {"op": "in", "of": column, "values": [_constant(each) for each in condition.values]}
    return {"op": "compare", "operator": condition.operator, "left": column, "right": _constant(condition.values[0])}


def _constant(value: Scalar) -> Node:
    return node_of(value)


def _flat(word: str, nodes: list[Node]) -> Node:
    """One condition of several, flat, as the same question has one form."""
    terms: list[Any] = []
    for node in nodes:
        inner = node.get("terms")
        terms += inner if node.get("op") == word and isinstance(inner, list) else [node]
    return terms[0] if len(terms) == 1 else {"op": word, "terms": terms}


def dataset_of(value: Any) -> str:
    """The dataset that a column, an expression or a condition belongs to."""
    if isinstance(value, Column | Derived):
        return value.dataset
    if isinstance(value, Where):
        return value.dataset
    raise Refused("Name columns of a dataset, for example room.visits.site.", 422)
