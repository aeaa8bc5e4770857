"""SDMX status codes of cells."""

import pytest

from disclosure_control import MalformedTable
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
