"""Bad input: each raises an error of ours that names the place and the remedy, and tells nothing of the data."""

import re
from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from disclosure_control import (
    DisclosureControlError,
    EmptyTable,
    Hierarchy,
    MalformedHierarchy,
    MalformedProfile,
    MalformedRecordKeys,
    MalformedRounding,
    MalformedTable,
    RuleProfile,
    Table,
    UnknownCode,
    UnknownColumn,
    attack,
    build_ptable,
    perturb,
    round_table,
    suppress,
)
from disclosure_control.errors import SuppressionFailed
from disclosure_control.profiles import shipped_profiles

SECRET = "31337"  # stands in every value, and in no message
NACE = Hierarchy.from_pairs([("T", "A"), ("T", "B"), ("A", "A1"), ("A", "A2")])
ROWS: dict[str, Any] = {
    "nace": ["A1", "A1", "A2", "B"],
    "region": ["n", "s", "n", "s"],
    "turnover": [31337.0, 131337.0, 231337.0, 331337.0],
    "company": ["c31337", "d31337", "e31337", "f31337"],
    "weight": [1.5, 1, 2, 2],
    "rkey": [31337, 41, 5, 7],
    "agreed": [True, False, True, False],
}
CELLS: dict[str, Any] = {
    "region": ["_T", "n", "s"],
    "turnover": [62674.0, 31337.0, 31337.0],
    "n": [31337, 1337, 30000],
    "x1": [31337.0, 1337.0, 31337.0],
}


def microdata(options: Any = (), hierarchy: Any = NACE, **changes: Any) -> Table:
    arguments: dict[str, Any] = {"value": "turnover", "unit": "company"} | dict(options)
    return Table.from_microdata(pd.DataFrame(ROWS | changes), {"nace": hierarchy, "region": None}, **arguments)


def cells(options: Any = (), **changes: Any) -> Table:
    arguments: dict[str, Any] = {"value": "turnover", "count": "n", "largest": ["x1"]} | dict(options)
    return Table.from_cells(pd.DataFrame(CELLS | changes), {"region": None}, **arguments)


def arrow(**changes: Any) -> Table:
    data = pytest.importorskip("pyarrow").table(ROWS | changes)
    return Table.from_microdata(data, {"nace": NACE}, value="turnover")


def in_duckdb(turnover: str) -> Table:
    with duckdb.connect() as connection:
        data = connection.sql(f"SELECT 'n' AS region, {turnover}::DOUBLE AS turnover")
        return Table.from_microdata(data, {"region": None}, value="turnover")


def profile(before: str, after: str) -> RuleProfile:
    return RuleProfile.from_toml(shipped_profiles()["ons-srs"].replace(before, after), "mine.toml")


def counts() -> Table:
    return Table.from_microdata(pd.DataFrame(ROWS), {"region": None}, record_key="rkey")


Case = tuple[Callable[[], Any], type[DisclosureControlError], str, str]

CASES: dict[str, Case] = {
    # hierarchies
    "a cycle": (
        lambda: Hierarchy.from_pairs([("T", "A"), ("B", "C"), ("C", "B")]),
        MalformedHierarchy,
        "B is part of C is part of B",
        "Take out one pair",
    ),
    "nothing but a cycle": (
        lambda: Hierarchy.from_pairs([("T", "A"), ("A", "T")]),
        MalformedHierarchy,
        "A is part of T is part of A",
        "Take out one pair",
    ),
    "two roots": (
        lambda: Hierarchy.from_pairs([("T", "A"), ("S", "B")]),
        MalformedHierarchy,
        "2 roots: T, S",
        "one code above them",
    ),
    "two parents": (
        lambda: Hierarchy.from_pairs([("T", "A"), ("T", "B"), ("A", "C"), ("B", "C")]),
        MalformedHierarchy,
        "“C” stands below “A” and below “B”",
        "pass two hierarchies",
    ),
    "a code that the data does not have": (
        lambda: microdata(hierarchy=Hierarchy.from_pairs([*NACE.pairs, ("T", "C")])),
        UnknownCode,
        "code C of nace",
        "empty_codes=True",
    ),
    "no hierarchy at all": (
        lambda: microdata(hierarchy="A1"),
        MalformedHierarchy,
        "dimension nace",
        "Pass a Hierarchy",
    ),
    # microdata
    "an unknown code": (
        lambda: microdata(nace=["A1", "A1", "A9", "B"]),
        UnknownCode,
        "column nace .*: A9",
        "Give them a place in it, or correct the data",
    ),
    "a code that is a subtotal": (
        lambda: microdata(nace=["A1", "A2", "A", "B"]),
        UnknownCode,
        "no leaves of its hierarchy: A",
        "Give them a place",
    ),
    "a missing code": (
        lambda: microdata(region=["n", None, "n", "s"]),
        UnknownCode,
        "column region",
        "Give them a code of their own",
    ),
    "NaN": (lambda: in_duckdb("'nan'"), MalformedTable, "value turnover is NaN in 1 rows", "make them missing"),
    "NaN in Arrow": (
        lambda: arrow(turnover=[1.0, float("nan"), 3.0, 4.0]),
        MalformedTable,
        "turnover is NaN in 1",
        "make them missing",
    ),
    "infinity": (
        lambda: in_duckdb("'-inf'"),
        MalformedTable,
        "value turnover is infinite in 1 rows",
        "make them missing",
    ),
    "infinity in pandas": (
        lambda: microdata(turnover=[1, np.inf, 3, 4]),
        MalformedTable,
        "turnover is infinite in 1",
        "make them missing",
    ),
    "text for numbers": (
        lambda: microdata(options={"value": "region"}),
        MalformedTable,
        "value region is of type VARCHAR",
        "numeric column",
    ),
    "a missing unit": (
        lambda: microdata(company=["c", None, "d", "e"]),
        MalformedTable,
        "column company is missing in 1",
        "Fill it in",
    ),
    "a negative weight": (
        lambda: microdata(options={"weight": "weight"}, weight=[1, -2, 1, 1]),
        MalformedTable,
        "weight is negative in 1 rows",
        "0 or more",
    ),
    "a unit's waiver that is no yes or no": (
        lambda: microdata(options={"waiver": "region"}),
        MalformedTable,
        "column region is VARCHAR",
        "value that means yes",
    ),
    "a record key that is no whole number": (
        lambda: microdata(options={"record_key": "rkey"}, rkey=[0.1, 0.2, 0.3, 0.4]),
        MalformedRecordKeys,
        "record key rkey is DOUBLE",
        "Use whole numbers",
    ),
    "an unknown column": (
        lambda: microdata(options={"value": "turnovr"}),
        UnknownColumn,
        "no column turnovr",
        "It has: nace, region, turnover",
    ),
    "an unknown dimension": (
        lambda: Table.from_microdata(pd.DataFrame(ROWS), {"nase": None}),
        UnknownColumn,
        "no column nase",
        "It has: nace",
    ),
    "a dimension with the name of a fact": (
        lambda: Table.from_microdata(pd.DataFrame(ROWS).rename(columns={"region": "units"}), {"units": None}),
        MalformedTable,
        "dimension units",
        "Rename its column",
    ),
    "no dimension": (
        lambda: Table.from_microdata(pd.DataFrame(ROWS), {}),
        MalformedTable,
        "no dimensions",
        "Name at least",
    ),
    "dimensions without hierarchies": (
        lambda: Table.from_microdata(pd.DataFrame(ROWS), ["nace"]),  # type: ignore[arg-type]
        MalformedTable,
        "dimensions are list",
        "Pass a mapping",
    ),
    "no rows": (lambda: Table.from_microdata(pd.DataFrame(ROWS)[:0], {"nace": NACE}), EmptyTable, "no rows", "Widen"),
    "a file that is not there": (
        lambda: Table.from_microdata("nowhere.parquet", {"nace": NACE}),
        MalformedTable,
        "nowhere.parquet",
        "Check its place",
    ),
    "data of a strange kind": (
        lambda: Table.from_microdata([1, 2], {"nace": NACE}),
        MalformedTable,
        "microdata are list",
        "Pass pandas",
    ),
    "units that recur along a dimension": (
        lambda: Table.from_microdata(
            pd.DataFrame(ROWS | {"company": ["a", "a", "b", "c"]}), {"region": None}, unit="company"
        ),
        MalformedTable,
        "several codes of region",
        "Count rows",
    ),
    "an impossible cell that is not empty": (
        lambda: microdata(options={"impossible": [{"nace": "A1", "region": "n"}]}),
        MalformedTable,
        r"\(nace = A1, region = n\)",
        "Correct the data",
    ),
    # cells
    "a margin that does not add up": (
        lambda: cells(turnover=[62675.0, 31337, 31337]),
        MalformedTable,
        r"\(region = _T\) does not add up",
        "Correct the margin",
    ),
    "a negative count": (
        lambda: cells(n=[31337, -1337, 32674]),
        MalformedTable,
        r"count n is negative .*\(region = n\)",
        "Correct it",
    ),
    "a broken count": (lambda: cells(n=[31337, 0.5, 31336.5]), MalformedTable, r"count n .*\(region = n\)", "0, 1, 2"),
    "a missing value": (
        lambda: cells(turnover=[62674.0, np.nan, 31337]),
        MalformedTable,
        r"turnover .*\(region = n\)",
        "Correct it",
    ),
    "an infinite value": (
        lambda: cells(turnover=[np.inf, 31337, np.inf]),
        MalformedTable,
        r"turnover .*\(region = _T\)",
        "Correct it",
    ),
    "a cell given twice": (
        lambda: cells(region=["_T", "n", "n"]),
        MalformedTable,
        r"\(region = n\) is given twice",
        "Leave one of them out",
    ),
    "a largest contribution above the value": (
        lambda: cells(x1=[99999.0, 1337, 31337]),
        MalformedTable,
        r"\(region = _T\) exceed",
        "absolute contributions",
    ),
    "cells without rows": (
        lambda: Table.from_cells(pd.DataFrame(CELLS)[:0], {"region": None}, count="n"),
        EmptyTable,
        "no rows",
        "at least one",
    ),
    "cells of a strange kind": (
        lambda: Table.from_cells([1], {"region": None}, count="n"),  # type: ignore[arg-type]
        MalformedTable,
        "cells are list",
        "DataFrame",
    ),
    "an unknown separate dimension": (
        lambda: cells(options={"separate": ["year"]}),
        MalformedTable,
        "separate names year",
        "Use: region",
    ),
    # profiles
    "an unknown profile": (lambda: RuleProfile.load("ons"), MalformedProfile, "“ons”", "There are: abs-datalab"),
    "an unknown rule in a file": (
        lambda: profile("[threshold]", "[treshold]"),
        MalformedProfile,
        "mine.toml: .*“treshold”",
        "Known: .*threshold",
    ),
    "an unknown key in a file": (
        lambda: profile("units = 10", "unit = 10"),
        MalformedProfile,
        "mine.toml, threshold: .*“unit”",
        "Known: units",
    ),
    "an unknown rule in a call": (
        lambda: RuleProfile(p_per_cent=10),  # type: ignore[arg-type]
        MalformedProfile,
        "“p_per_cent”",
        "Did you mean p_percent",
    ),
    "a number without a source": (
        lambda: profile("source =", 'source = ""\n#'),
        MalformedProfile,
        "threshold.source",
        "cites its source",
    ),
    "no profile": (
        lambda: suppress(cells(), "ons-srs"),  # type: ignore[call-overload]
        MalformedProfile,
        "rules are str",
        "RuleProfile.load",
    ),
    # what is asked
    "a base of zero": (lambda: round_table(counts(), base=0), MalformedRounding, "base: it is 0", "2 or more"),
    "a broken base": (lambda: round_table(counts(), base=2.5), MalformedRounding, "base: it is 2.5", "2 or more"),  # type: ignore[arg-type]
    "a base of zero in a profile": (
        lambda: profile("[threshold]", '[rounding]\nbase = 0\nmethod = "random"\nsource = "x"\n[threshold]'),
        MalformedProfile,
        "rounding.base",
        "2 or more",
    ),
    "an unknown method": (
        lambda: round_table(counts(), method="up"),  # type: ignore[arg-type]
        MalformedRounding,
        "method “up”",
        "conventional, random, controlled",
    ),
    "an unknown cost": (
        lambda: suppress(cells(), RuleProfile(threshold=3), cost="weight"),
        UnknownColumn,
        "“weight”",
        "number, value",
    ),
    "a cost that is no number": (
        lambda: suppress(cells(), RuleProfile(threshold=3), cost="region"),
        UnknownColumn,
        "column region",
        "number, value",
    ),
    "a time below zero": (
        lambda: suppress(cells(), RuleProfile(threshold=3), seconds=-1),
        SuppressionFailed,
        "seconds",
        "0 or more, or None",
    ),
    "a prior of zero": (
        lambda: suppress(cells(), RuleProfile(threshold=3), prior=0),
        SuppressionFailed,
        "prior",
        "above 0",
    ),
    "something else than a table": (
        lambda: suppress(pd.DataFrame(CELLS), RuleProfile(threshold=3)),  # type: ignore[call-overload]
        MalformedTable,
        "table to protect is str",
        "Table.from_microdata",
    ),
    "a dimension with the name of a result": (
        lambda: suppress(
            Table.from_microdata(pd.DataFrame(ROWS).rename(columns={"region": "status"}), {"status": None}),
            RuleProfile(threshold=3),
        ),
        MalformedTable,
        "dimension status",
        "Rename its column",
    ),
    "nothing to attack": (lambda: attack([]), DisclosureControlError, "no table to attack", "Pass at least one"),
    "no record keys": (
        lambda: perturb(cells(), build_ptable(2, 1.0, big_n=8), record_key="rkey"),
        MalformedRecordKeys,
        "record keys",
        "Table.from_microdata",
    ),
}


@pytest.mark.parametrize("what", CASES)
def test_bad_input_names_the_place_and_the_remedy(what: str) -> None:
    call, error, place, remedy = CASES[what]
    with pytest.raises(error) as caught:
        call()
    text = str(caught.value)
    assert re.search(place, text), f"no place in: {text}"
    assert re.search(remedy, text), f"no remedy in: {text}"
    assert SECRET not in text
    assert text.endswith(".")
