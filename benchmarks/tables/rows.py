"""The rows of the results: what is done, by whom, how the two compare, and what was to be reached."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.tables import inputs
from benchmarks.tables.running import Outcome, in_turn, ours, theirs

GCONFID = "gconfid 2.0.4"


@dataclass(frozen=True)
class Settings:
    """How often, how long, how large."""

    runs: int = 3
    limit: float = 300
    quick: bool = False
    large: bool = False


@dataclass(frozen=True)
class Row:
    """One line of the results; `ratio` and `met` are None where there is nothing to compare with."""

    work: str
    peer: str
    ours: str
    ratio: str
    wanted: str
    met: bool | None
    notes: list[str] = field(default_factory=list)


def cell_facts(settings: Settings) -> Iterator[Row]:
    """Facts and verdicts of 240 cells."""
    rows = 1_000_000 if settings.quick else 10_000_000
    path = inputs.businesses(rows)
    peer, mine = in_turn(
        settings.runs,
        lambda: theirs("acro", "acro_cells.py", path, 1, limit=settings.limit),
        lambda: ours("cells", path, 2, limit=settings.limit),
    )
    work = f"cell facts and verdicts, {rows:.0e} rows, 240 cells with sum and dominance"
    memory = mine.last("peak_mb")
    yield compared(work, "ACRO 1.0.2", peer, mine, 25, [f"{memory} MB"], also=memory < 1000)
    if settings.large:
        path = inputs.businesses(100_000_000)
        mine = ours("cells", path, 1, limit=settings.limit)
        memory = mine.last("peak_mb")
        yield alone("the same, 1e8 rows", mine, "under 4 GB", memory is not None and memory < 4000, [f"{memory} MB"])


def hierarchical_small(settings: Settings) -> Iterator[Row]:
    yield from suppressed("hierarchical", 1000, 15, settings, also_value=True)


def hierarchical_middle(settings: Settings) -> Iterator[Row]:
    yield from suppressed("hierarchical", 5000, 30, settings)


def three_way(settings: Settings) -> Iterator[Row]:
    yield from suppressed("flat 3-D", 5000, 8, settings)


def hierarchical_large(settings: Settings) -> Iterator[Row]:
    """The problem comes from gconfid, which does not finish it."""
    folder = inputs.table("hierarchical", 20000)
    peer = theirs("gconfid", "gconfid_table.py", folder, 1, limit=settings.limit)
    mine = ours("same_problem", folder, settings.runs, limit=settings.limit * settings.runs)
    seconds = mine.median()
    yield Row(
        f"hierarchical, {_table_cells(folder):,} cells, suppress",
        _peer_time(GCONFID, peer, stage="suppression"),
        _time(mine),
        _ratio(peer, mine, stage="suppression"),
        "under 90 s",
        seconds is not None and seconds < 90,
        _withheld(mine),
    )


def attack_on_gconfid(settings: Settings) -> Iterator[Row]:
    """The pattern that gconfid finds, attacked by both."""
    folder = inputs.table("hierarchical", 1000)
    peer, mine = in_turn(
        settings.runs,
        lambda: theirs("gconfid", "gconfid_table.py", folder, 1, "audit", limit=settings.limit),
        lambda: ours("attacks", folder, 3, limit=settings.limit),
    )
    audit, judged, exact = peer.median(stage="audit"), mine.median("passes"), mine.median()
    work = f"attack on gconfid's pattern, {_table_cells(folder):,} cells"
    if audit is None or judged is None or exact is None:
        yield Row(work, _peer_time(GCONFID, peer, stage="audit"), "did not finish", "", "≥ 50×", met=False)
        return
    remark = f"pass or fail; exact intervals of all {mine.last('withheld')} cells: {exact:.3f} s, {audit / exact:.0f}×"
    met = audit / judged >= 50 and mine.last("safe")  # gconfid finds its pattern safe
    yield Row(work, f"{GCONFID}: {audit:.2f} s", f"{judged:.4f} s", f"{audit / judged:.0f}×", "≥ 50×", met, [remark])


def distance_from_optimum(settings: Settings) -> Iterator[Row]:
    """Information withheld, above the certified least."""
    for kind in ("flat 2-D", "flat 3-D", "hierarchical"):
        folder = inputs.table(kind, 100)
        theirs("gconfid", "gconfid_table.py", folder, 1, limit=settings.limit)
        mine = ours("same_problem", folder, 1, limit=settings.limit)
        bound, got = mine.last("bound"), mine.last("information")
        work = f"distance from the certified optimum, {kind}, {_table_cells(folder)} cells"
        if bound is None:
            yield Row(work, "", "no certificate", "", "≤ 5 %", met=False)
            continue
        peer = f"{GCONFID}: {_information(_withheld_by_gconfid(folder)) / bound - 1:.1%}"
        far = got / bound - 1
        yield Row(work, peer, f"{far:.1%}", "", "≤ 5 %", far <= 0.05, _withheld(mine))


def cell_keys(settings: Settings) -> Iterator[Row]:
    """Perturbed counts, against one GROUP BY."""
    rows = 1_000_000 if settings.quick else 10_000_000
    path = inputs.people(rows)
    peer, mine = in_turn(
        settings.runs,
        lambda: theirs("cell-key-perturbation", "cell_keys.py", path, 1, limit=settings.limit),
        lambda: ours("cell_keys", path, 3, limit=settings.limit),
    )
    spent, group = mine.median(), mine.median("group_by")
    before, grouped = peer.median(), peer.median("group_by")
    if spent is None or group is None or before is None or grouped is None:
        yield Row(f"cell keys, {rows:.0e} rows", "did not finish", "did not finish", "", "≤ 1.2×", met=False)
        return
    yield Row(
        f"cell keys, {rows:.0e} rows: time over that of one group-by",
        f"cell-key-perturbation 3.1.0: {before:.2f} s, {before / grouped:.2f}× pandas'",
        f"{spent:.2f} s, {spent / group:.2f}× DuckDB's",
        f"{before / spent:.1f}×",
        "≤ 1.2× one DuckDB group-by",
        spent / group <= 1.2,
        [f"`Table.from_microdata` and `perturb`; processor time {mine.median('work'):.2f}×"],
    )


def public_way(settings: Settings) -> Iterator[Row]:
    """Without a peer: what a statistician's call takes, with more attackers than gconfid reckons with."""
    for kind, cells in (("hierarchical", 1000), ("hierarchical", 5000)):
        mine = ours("whole_way", inputs.table(kind, cells), settings.runs, limit=settings.limit)
        notes = [f"{mine.last('suppressed')} cells, value {mine.last('value'):,.0f}"] if mine.records else []
        work = f"{kind}, {cells} cells: `suppress` from microdata, full protection, lone contributors as attackers"
        yield Row(work, "", _time(mine), "", "", None, notes)


ROWS: dict[str, Callable[[Settings], Iterator[Row]]] = {
    each.__name__: each
    for each in (
        cell_facts,
        hierarchical_small,
        hierarchical_middle,
        three_way,
        hierarchical_large,
        attack_on_gconfid,
        distance_from_optimum,
        cell_keys,
        public_way,
    )
}
QUICK = ("cell_facts", "hierarchical_small", "attack_on_gconfid", "distance_from_optimum", "cell_keys")


# ---------------------------------------------------------------------------------------------- comparing


def suppressed(kind: str, cells: int, times: float, settings: Settings, *, also_value: bool = False) -> Iterator[Row]:
    """The same problem, given to both."""
    folder = inputs.table(kind, cells)
    theirs("gconfid", "gconfid_table.py", folder, 0, limit=settings.limit)  # the problem, as gconfid sees it
    peer, mine = in_turn(
        settings.runs,
        lambda: theirs("gconfid", "gconfid_table.py", folder, 1, limit=settings.limit),
        lambda: ours("same_problem", folder, 2, limit=settings.limit),
    )
    notes, value, also = _withheld(mine), mine.last("value"), True
    if peer.median(stage="suppression") is not None:
        other = _withheld_by_gconfid(folder)
        notes.append(f"gconfid {len(other)} cells, value {other.sum():,.0f}, information {_information(other):,.0f}")
        also = value is not None and (value <= other.sum() or not also_value)
    wanted = "not more suppressed value" if also_value else ""
    work = f"{kind}, {_table_cells(folder):,} cells, suppress"
    yield compared(work, GCONFID, peer, mine, times, notes, also=also, wanted=wanted, stage="suppression")


def compared(
    work: str,
    name: str,
    peer: Outcome,
    mine: Outcome,
    times: float,
    notes: list[str],
    *,
    also: bool = True,
    wanted: str = "",
    **where: object,
) -> Row:
    before, now = peer.median(**where), mine.median()
    if now is None:
        met: bool | None = False
    else:
        met = also and (before if before is not None else peer.limit) / now >= times
    aim = f"≥ {times:g}×" + (f", {wanted}" if wanted else "")
    return Row(work, _peer_time(name, peer, **where), _time(mine), _ratio(peer, mine, **where), aim, met, notes)


def alone(work: str, mine: Outcome, wanted: str, met: bool | None, notes: list[str]) -> Row:
    return Row(work, "", _time(mine), "", wanted, met, notes)


def _ratio(peer: Outcome, mine: Outcome, **where: object) -> str:
    before, now = peer.median(**where), mine.median()
    if now is None:
        return ""
    return f"> {peer.limit / now:.0f}×" if before is None else f"{before / now:.1f}×"


def _peer_time(name: str, peer: Outcome, **where: object) -> str:
    seconds = peer.median(**where)
    return f"{name}: " + (f"did not finish in {peer.limit:.0f} s" if seconds is None else f"{seconds:.2f} s")


def _time(mine: Outcome) -> str:
    seconds = mine.median()
    return f"did not finish in {mine.limit:.0f} s" if seconds is None else f"{seconds:.3f} s"


def _withheld(mine: Outcome) -> list[str]:
    if mine.last("value") is None:
        return []
    return [
        f"withholds {mine.last('suppressed')} cells, value {mine.last('value'):,.0f}, information "
        f"{mine.last('information'):,.0f} ({mine.last('method')})"
    ]


def _withheld_by_gconfid(folder: Path) -> "pd.Series[float]":
    """The values of the cells of the table that gconfid withholds."""
    pattern = pd.read_parquet(folder / "pattern.parquet")
    return pattern.loc[(pattern["Type"] == "C") & (pattern["OutStatus"] == "X"), "TotalNoise"]


def _information(values: "pd.Series[float]") -> float:
    return float(np.log10(values + 1).sum())


def _table_cells(folder: Path) -> int:
    return int((pd.read_parquet(folder / "cells.parquet", columns=["Type"])["Type"] == "C").sum())
