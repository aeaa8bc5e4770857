"""How deep lists and objects lie in one another, told without going down: a deep file breaks what does."""

from typing import Any


def is_deeper(value: Any, most: int) -> bool:
    """Whether lists and objects of decoded JSON lie in one another more than `most` levels deep."""
    level = [value]
    for _ in range(most):
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return False
    return True


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
