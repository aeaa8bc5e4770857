"""The tables of docs/files.md, made from those of the code."""

from safe_outputs.decoding.drawings import ACTIVE
from safe_outputs.decoding.workbooks import LEFT_OUT_PARTS, REFUSED_PARTS
from safe_outputs.files.kinds import KINDS
from safe_outputs.files.limits import LIMITS
from safe_outputs.files.signatures import REFUSED


def kinds_table() -> str:
    rows = [f"| {kind.words} | {kind.known_by} | {kind.shown} | {kind.leaves} |" for kind in KINDS.values()]
    return "\n".join(["| kind | known by | shown | what leaves |", "| --- | --- | --- | --- |", *rows])


def limits_table() -> str:
    rows = [f"| {each.words} | {each.reason} |" for each in LIMITS.values()]
    return "\n".join(["| number | why |", "| --- | --- |", *rows])


def refused_table() -> str:
    """What is refused by its marks, and what to do instead; one row for each reason."""
    names: dict[str, list[str]] = {}
    for _, _, what, why in REFUSED:
        names.setdefault(why, []).append(what)
    rows = [f"| {', '.join(dict.fromkeys(found))} | {why} |" for why, found in names.items()]
    return "\n".join(["| refused | why, and what to do |", "| --- | --- |", *rows])


def parts_of_workbooks() -> tuple[str, str]:
    """The parts for which a workbook is refused, and those that are left out of it, as lists in a sentence."""
    refused, left_out = ([what for _, what in parts] for parts in (REFUSED_PARTS, LEFT_OUT_PARTS))
    return _listed(refused), _listed(left_out)


def active_drawings() -> str:
    """What a drawing may not hold, as a list in a sentence."""
    return _listed(list(dict.fromkeys(ACTIVE.values())))


def _listed(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"
