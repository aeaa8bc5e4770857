"""The practice cases, each made from dummies when it is first asked for. A new case has its line at the end of `CASES`.

Titles, order and ids give nothing away. A case that is changed gets another version; a test holds the digest of each.
"""

from collections.abc import Callable
from functools import cache

from safe_outputs.errors import NoSuchThing
from safe_outputs.practice import on_releases, on_requests, on_tables
from safe_outputs.practice.case import Case

CASES: dict[str, Callable[[str], Case]] = {
    "p01": on_tables.well_protected,
    "p02": on_tables.small_counts,
    "p03": on_requests.wrong_audience,
    "p04": on_tables.dominance,
    "p05": on_tables.hidden_total,
    "p06": on_releases.only_noise,
    "p07": on_requests.rows,
    "p08": on_releases.earlier_release,
    "p09": on_tables.spread_out,
    "p10": on_tables.class_disclosure,
    "p11": on_requests.formula,
    "p12": on_tables.percentages,
    "p13": on_releases.harmless_earlier,
    "p14": on_requests.no_context,
    "p15": on_releases.beside_noise,
    "p16": on_requests.extremes,
    "p17": on_requests.two_at_once,
}


@cache
def find_case(id_: str) -> Case:
    """The case of that id, the same at every call. Raises `NoSuchThing`."""
    made = CASES.get(id_)
    if made is None:
        raise NoSuchThing("There is no such practice case. The page of practice lists those that there are.")
    return made(id_)


def all_cases() -> tuple[Case, ...]:
    """Every case, in order."""
    return tuple(find_case(each) for each in CASES)
