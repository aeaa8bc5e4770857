"""What earlier releases of Saferoom stored, as this one reads it. Stored bytes stay as they are; nothing is guessed.

The first release knew one private statistic, a count, whose noise had one accuracy. Its answers and records are shown
as those of the private plan that asks the same.
"""

from typing import Any

FIRST_PRIVATE = "private_count"
UNITS = "count_units"


def present_plan(plan: Any) -> Any:
    """A stored plan in the present form; anything else is returned as it is."""
    if not isinstance(plan, dict) or plan.get("kind") != FIRST_PRIVATE:
        return plan
    by = plan.get("by")
    conditions = [_condition(**each) for each in plan.get("where", [])]
    return {
        "kind": "private",
        "dataset": plan["dataset"],
        "filter": {"op": "and", "terms": conditions} if len(conditions) > 1 else next(iter(conditions), None),
        "by": [] if by is None else [{"name": by, "of": {"op": "column", "name": by}}],
        "groups_per_unit": plan.get("groups_per_unit", 1),
        "measures": [{"kind": UNITS, "name": UNITS}],
        "price": {"kind": "rho", "nano_rho": plan["nano_rho"]},
    }


def present_noise(noise: Any, unit: str) -> Any:
    """Stored noise in the present form; anything else is returned as it is. `unit`: the plural of whom it counts."""
    if not isinstance(noise, dict) or "accuracy" not in noise:
        return noise
    error = noise["accuracy"]
    kept = {name: value for name, value in noise.items() if name not in {"accuracy", "scale"}}
    return kept | {"errors": [{"measure": UNITS, "error": error, "words": f"± {error:g} {unit}"}]}


def present_answer(answer: Any) -> Any:
    """A stored answer, or a statistic of a release's record, in the present form."""
    if not isinstance(answer, dict):
        return answer
    unit = str(answer.get("unit", "units"))
    return answer | {"plan": present_plan(answer.get("plan")), "noise": present_noise(answer.get("noise"), unit)}


def _condition(column: str, operator: str, values: list[Any]) -> dict[str, Any]:
    of = {"op": "column", "name": column}
    constants = [_constant(each) for each in values]
    if operator == "in":
        return {"op": "in", "of": of, "values": constants}
    return {"op": "compare", "operator": operator, "left": of, "right": constants[0]}


def _constant(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"op": "truth", "value": value}
        case str():
            return {"op": "text", "value": value}
        case _:
            return {"op": "number", "value": str(value)}
