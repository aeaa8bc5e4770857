"""SDMX codes for cells, so that protected tables can be exchanged.

Code lists of the SDMX Global Registry: CL_OBS_STATUS 2.3 (A normal value; Q missing value, suppressed) and
CL_CONF_STATUS 1.4 (F free for publication; primary confidentiality due to A small counts, O dominance by one unit,
T dominance by two units, G dominance by one or two units, M other measures of concentration; C confidential
statistical information, for whatever else; D secondary confidentiality set by the sender; N not for publication,
restricted for internal use only).
"""

from collections.abc import Iterable

import pandas as pd

from disclosure_control.errors import MalformedTable

PUBLISHED, PRIMARY, SECONDARY = "published", "primary", "secondary"
OBS_STATUS, CONF_STATUS = "OBS_STATUS", "CONF_STATUS"
INTERNAL = {OBS_STATUS: "A", CONF_STATUS: "N"}  # of every cell of a table that nothing has protected
CHANGED = {
    OBS_STATUS: "A",
    CONF_STATUS: "F",
}  # of every cell of a rounded or perturbed table, whether it changed or not
OBSERVATION = {PUBLISHED: "A", PRIMARY: "Q", SECONDARY: "Q"}
CONFIDENTIALITY = {
    "threshold": "A",
    "dominance_1": "O",
    "dominance_2": "T",
    "p_percent": "G",
    "pq": "G",
}


def flags_of(status: Iterable[str], rule: Iterable[str | None]) -> pd.DataFrame:
    """`OBS_STATUS` and `CONF_STATUS` of each cell.

    Args:
        status: "published", "primary" or "secondary".
        rule: for primary cells the rule that they break, as `assess` names it; else not read.

    Raises:
        MalformedTable: another status.
    """
    pairs = list(zip(status, rule, strict=True))
    unknown = [each for each, _ in pairs if each not in OBSERVATION]
    if unknown:
        raise MalformedTable(f"There is no status “{unknown[0]}”. A cell is {', '.join(OBSERVATION)}.")
    return pd.DataFrame(
        {
            OBS_STATUS: [OBSERVATION[each] for each, _ in pairs],
            CONF_STATUS: [_confidentiality(each, broken) for each, broken in pairs],
        },
        dtype=object,
    )


def _confidentiality(status: str, rule: str | None) -> str:
    if status != PRIMARY:
        return "F" if status == PUBLISHED else "D"
    if isinstance(rule, str) and rule.startswith("dominance_"):
        return CONFIDENTIALITY.get(rule, "M")
    return CONFIDENTIALITY.get(rule or "", "C")
