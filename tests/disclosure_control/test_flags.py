"""SDMX status codes of cells."""

from typing import Any

import pandas as pd
import pytest

from disclosure_control import MalformedTable, RuleProfile, Table, build_ptable, perturb, round_table, suppress
from disclosure_control.flags import flags_of


@pytest.mark.parametrize(
    ("status", "rule", "observation", "confidentiality"),
    [
        ("published", None, "A", "F"),
        ("secondary", None, "Q", "D"),
        ("primary", "threshold", "Q", "A"),
        ("primary", "dominance_1", "Q", "O"),
        ("primary", "dominance_2", "Q", "T"),
        ("primary", "dominance_3", "Q", "M"),
        ("primary", "p_percent", "Q", "G"),
        ("primary", "pq", "Q", "G"),
        ("primary", "class_disclosure", "Q", "C"),
        ("primary", "request", "Q", "C"),
        ("primary", None, "Q", "C"),
    ],
)
def test_every_cell_has_both_codes(status: str, rule: str | None, observation: str, confidentiality: str) -> None:
    flags = flags_of([status], [rule])
    assert flags.to_dict("records") == [{"OBS_STATUS": observation, "CONF_STATUS": confidentiality}]


def test_an_unknown_status_is_refused() -> None:
    with pytest.raises(MalformedTable, match="“hidden”"):
        flags_of(["published", "hidden"], [None, None])


def one_of_every_kind() -> dict[str, Any]:
    rows = pd.DataFrame(
        [(x, y, 40 * number) for x, y, count in CELLS for number in range(1, count + 1)], columns=["x", "y", "z"]
    ).assign(rkey=lambda frame: frame.index * 37 % 256)
    counts = Table.from_microdata(rows, {"x": None, "y": None}, record_key="rkey")
    values = Table.from_microdata(rows, {"x": None, "y": None}, value="z")
    given = Table.from_cells(values.cells, {"x": None, "y": None}, value="value", count="units")
    profile = RuleProfile(threshold=3, dominance=[(1, 60)], p_percent=10)
    linked = suppress([values, Table.from_microdata(rows, {"x": None}, value="z")], profile)
    return {
        "table": values,
        "table from cells": given,
        "protected": linked[0],
        "protected with it": linked[1],
        "rounded": round_table(counts, 3, "controlled"),
        "perturbed": perturb(counts, build_ptable(2, 1.0, big_n=256)),
    }


CELLS = [("a", "k", 2), ("a", "l", 9), ("a", "m", 8), ("b", "k", 7), ("b", "l", 9), ("b", "m", 9), ("c", "k", 8),
         ("c", "l", 8), ("c", "m", 1)]  # fmt: skip


def test_every_cell_of_every_kind_of_table_has_both_codes() -> None:
    for kind, each in one_of_every_kind().items():
        flags = each.cells[["OBS_STATUS", "CONF_STATUS"]]
        assert flags.notna().all(axis=None), kind
        expected = {"table": {("A", "N")}, "table from cells": {("A", "N")}}.get(kind, {("A", "F")})
        seen = set(flags.itertuples(index=False, name=None))
        assert seen == (expected if not kind.startswith("protected") else seen), kind


def test_codes_of_a_protected_table_say_why_and_agree_with_what_is_missing() -> None:
    protected = one_of_every_kind()["protected"]
    cells = protected.cells
    codes = cells.set_index(["x", "y"])["CONF_STATUS"]
    assert (codes["a", "k"], codes["c", "m"], codes["_T", "_T"]) == ("A", "A", "F")
    assert (cells["value"].isna() == (cells["OBS_STATUS"] == "Q")).all()
    assert ((cells["status"] == "secondary") == (cells["CONF_STATUS"] == "D")).all()
    assert (cells["status"] == "secondary").any()
