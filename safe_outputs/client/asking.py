"""Ask for a statistic and wait for its verdict."""

import sys
import time
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from safe_outputs.answers import Answer, answer_from_json
from safe_outputs.client.gate import Refused
from safe_outputs.client.room import Column, Where, present_room
from safe_outputs.client.showing import as_frame, as_html, as_text
from safe_outputs.statistics import Crosstab, Measure, Private, plan_to_json

WAIT_SECONDS = 300.0
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0


class Asked:
    """A statistic with its answer: verdict, findings, and the table as it would be published."""

    def __init__(self, statistic_id: str, answer: Answer) -> None:
        self.id = statistic_id
        self.answer = answer

    @property
    def verdict(self) -> str:
        """One of safe, protected, refer, blocked."""
        return self.answer.verdict.value

    @property
    def findings(self) -> list[str]:
        """What the rules found, in sentences."""
        return [finding.sentence for finding in self.answer.findings]

    @property
    def frame(self) -> Any:
        """The table as a pandas frame; withheld cells are missing."""
        return as_frame(self.answer.table)

    def __repr__(self) -> str:
        return as_text(self.answer)

    def _repr_html_(self) -> str:
        return as_html(self.answer)


def crosstab(
    index: Column | Sequence[Column],
    columns: Column | Sequence[Column] | None = None,
    *,
    values: Column | None = None,
    aggfunc: str = "mean",
    where: Where | None = None,
) -> Asked:
    """Distinct units by every combination of categories, with the mean or sum of `values` if given.

    Raises:
        Refused: with the reason and what to do next.
    """
    dimensions = [*_several(index), *_several(columns)]
    measure = {"column": values.name, "aggregate": aggfunc} if values is not None else None
    return ask(
        lambda: Crosstab(
            dataset=_one_dataset([*dimensions, *([values] if values is not None else [])]),
            dimensions=tuple(each.name for each in dimensions),
            measure=Measure.model_validate(measure) if measure else None,
            where=where.conditions if where is not None else (),
        )
    )


def ask(make_plan: Any) -> Asked:
    """Send the plan and wait for its answer."""
    try:
        plan: Crosstab | Private = make_plan()
    except ValidationError as error:
        places = "; ".join(each["msg"] for each in error.errors(include_input=False, include_url=False))
        raise Refused(f"This cannot be asked for: {places}.", 422) from None
    gate = present_room().gate
    statistic = gate.call("POST", "/statistics", {"plan": plan_to_json(plan), "code": _code_of_this_cell()})
    statistic = _wait(statistic)
    if statistic["problem"] is not None:
        raise Refused(statistic["problem"]["detail"], statistic["problem"]["status"])
    return Asked(statistic["id"], answer_from_json(statistic["answer"]))


def _wait(statistic: dict[str, Any]) -> dict[str, Any]:
    gate, pause, until = present_room().gate, FIRST_PAUSE, time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        found: dict[str, Any] = gate.call("GET", f"/statistics/{statistic['id']}")
        if found["state"] in {"answered", "refused"}:
            return found
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)
    raise Refused(
        f"Statistic {statistic['id']} is still being computed. Nothing is lost: run the cell again later.", 503
    )


def _several(columns: Column | Sequence[Column] | None) -> list[Column]:
    if columns is None:
        return []
    return [columns] if isinstance(columns, Column) else list(columns)


def _one_dataset(columns: list[Column]) -> str:
    if not columns or not all(isinstance(each, Column) for each in columns):
        raise Refused("Name columns of a dataset, for example room.visits.site; not arrays or frames.", 422)
    datasets = {each.dataset for each in columns}
    if len(datasets) > 1:
        raise Refused(f"One statistic is computed from one dataset, not from {', '.join(sorted(datasets))}.", 422)
    return datasets.pop()


def _code_of_this_cell() -> str:
    """The source of the notebook cell that asks; evidence for the output checker. Empty outside of notebooks."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return str(shell.user_ns.get("In", [""])[-1]) if shell is not None else ""
