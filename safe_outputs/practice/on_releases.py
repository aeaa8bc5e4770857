"""Practice cases about what stands beside: an earlier release, or the same numbers with noise."""

from safe_outputs.answers import TOTAL, Cell, Column, TableOfCells
from safe_outputs.practice import dummies, tables
from safe_outputs.practice.case import Case, Titled
from safe_outputs.practice.defects import Defect
from safe_outputs.practice.dummies import REGIONS
from safe_outputs.practice.making import GOOD, LABELS, PERSONS, case, exhibit, finding


def earlier_release(id_: str) -> Case:
    data = dummies.persons(14, 4000)
    codes = {"region": REGIONS, "benefit": ("yes", "no")}
    few = data[data["age"] == "65+"].groupby(["region", "benefit"]).head(4).index
    before, after = (tables.table_of(each, codes, "person") for each in (data, data.drop(few)))
    planted = finding(
        Defect.DIFFERENCING,
        "The earlier table less this one leaves 4 persons in every cell: those who are 66.",
        "differences of 4 persons",
        "no difference of fewer than 10 persons",
        "Use the population of the earlier release, or wait until more persons differ.",
    )
    told = "Each table keeps to every rule. Together they single out those who are in one and not in the other."
    return case(
        id_,
        "Housing benefit by region",
        (
            exhibit(
                "Persons by region and housing benefit",
                tables.shown(after, codes, PERSONS, LABELS),
                provenance="verified",
            ),
        ),
        told,
        planted,
        arguable=frozenset({Defect.SMALL_COUNTS}),
        purpose="Persons with and without housing benefit on 1 June, all ages under 66. An update of the table of May.",
        earlier=(Titled("Released in May: all ages under 67", tables.shown(before, codes, PERSONS, LABELS)),),
    )


def harmless_earlier(id_: str) -> Case:
    codes = {"region": REGIONS, "benefit": ("yes", "no")}
    now, before = (tables.table_of(dummies.persons(seed, 4000), codes, "person") for seed in (15, 16))
    told = (
        "The earlier release is of another sample: its numbers are near, but of other persons, so no difference tells."
    )
    return case(
        id_,
        "Housing benefit, this year",
        (
            exhibit(
                "Persons by region and housing benefit",
                tables.shown(now, codes, PERSONS, LABELS),
                provenance="verified",
            ),
        ),
        told,
        purpose="Persons with and without housing benefit, of this year's sample. Last year's sample was another one.",
        earlier=(Titled("Released last year: last year's sample", tables.shown(before, codes, PERSONS, LABELS)),),
    )


def _noisy(seed: int, count: int) -> tuple[TableOfCells, TableOfCells]:
    """Persons by region, exact and with noise."""
    codes = {"region": REGIONS}
    exact = tables.shown(tables.table_of(dummies.persons(seed, count), codes, "person"), codes, PERSONS, LABELS)
    parts = [each for each in exact.cells if each.codes != (TOTAL,)]
    noise = dummies.noise(seed, len(parts), 12)
    noisy = tuple(
        Cell(codes=each.codes, status="published", values=(int(each.values[0] or 0) + more,))
        for each, more in zip(parts, noise, strict=True)
    )
    measure = Column(name="persons", label="Persons (with noise)")
    return exact, TableOfCells(dimensions=exact.dimensions, measures=(measure,), cells=noisy)


def beside_noise(id_: str) -> Case:
    exact, noisy = _noisy(17, 2500)
    planted = finding(
        Defect.EXACT_BESIDE_NOISE,
        "Both tables count the same persons by the same regions: the exact one tells what the noise was to hide.",
        "the same statistic, exact and with noise",
        "no exact statistic of what a private one tells",
        "Leave one of them out.",
    )
    told = "Each table could leave alone. The noise protects nobody once the exact numbers stand beside it."
    parts = (
        exhibit("Persons by region, with noise", noisy, provenance="verified", file_name="private.csv"),
        exhibit("Persons by region", exact, provenance="verified"),
    )
    return case(
        id_,
        "Persons by region",
        parts,
        told,
        planted,
        arguable=frozenset({Defect.DIFFERENCING, Defect.RECOVERABLE}),
        purpose=GOOD.format("by region, twice: see the notes"),
    )


def only_noise(id_: str) -> Case:
    _, noisy = _noisy(18, 60)
    told = (
        "A differentially private table: numbers are small, one is even below nought, and that is no defect. What one "
        "person adds is hidden by the noise."
    )
    part = exhibit("Persons by region, with noise", noisy, provenance="verified", file_name="private.csv")
    return case(id_, "A rare disease by region", (part,), told, purpose=_RARE)


_RARE = "Persons with the disease on 1 May, by region. Differentially private, ± 24 persons for 95 % of the numbers."
