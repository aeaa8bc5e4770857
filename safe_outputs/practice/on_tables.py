"""Practice cases about one table: what stands in its cells, and what its totals tell."""

from disclosure_control import Table
from safe_outputs.answers import TOTAL, Column
from safe_outputs.practice import dummies, tables
from safe_outputs.practice.case import Case, Planted, Titled
from safe_outputs.practice.defects import Defect
from safe_outputs.practice.dummies import REGIONS, SECTORS
from safe_outputs.practice.making import (
    BUSINESS_CODES,
    GOOD,
    LABELS,
    PERSONS,
    SECTOR_CODES,
    TURNOVER,
    case,
    exhibit,
    finding,
)


def small_counts(id_: str) -> Case:
    made = tables.table_of(dummies.persons(11, 900), SECTOR_CODES, "person")
    shown = tables.shown(made, SECTOR_CODES, PERSONS, LABELS)
    planted = Planted(Defect.SMALL_COUNTS, tables.finding_of(made, "threshold", "persons"))
    told = "Several cells count fewer than ten persons, and none is withheld."
    return case(id_, "Persons by region and sector", (exhibit("Persons by region and sector", shown),), told, planted)


def well_protected(id_: str) -> Case:
    made = tables.protected(tables.table_of(dummies.persons(12, 900), SECTOR_CODES, "person"))
    shown = tables.shown_protected(made, SECTOR_CODES, PERSONS, LABELS)
    findings = tables.findings_of(made.table, "persons")
    told = (
        "Every cell under ten persons is withheld, and others beside it, so that no total gives one back. An attack "
        "on the table as it stands finds no withheld number."
    )
    part = exhibit("Persons by region and sector", shown, provenance="verified", findings=findings)
    return case(id_, "Work in the regions", (part,), told)


def dominance(id_: str) -> Case:
    data = dummies.businesses(21, 260)
    giant = (data["industry"] == "Boatyards") & (data["region"] == "West")
    data.loc[giant.idxmax(), "turnover"] = 9_000
    made = tables.table_of(data, BUSINESS_CODES, "business", "turnover")
    shown = tables.shown(made, BUSINESS_CODES, TURNOVER, LABELS)
    planted = Planted(Defect.DOMINANCE, tables.finding_of(made, "dominance_1", "businesses"))
    told = (
        "Behind every total are more than ten businesses, but one boatyard in the West has nearly all of its turnover."
    )
    part = exhibit("Turnover by industry and region", shown, supporting=_behind(made))
    return case(
        id_,
        "Turnover of industries",
        (part,),
        told,
        planted,
        arguable=frozenset({Defect.INDIVIDUALS}),
        purpose=_TURNOVER_PURPOSE,
    )


def spread_out(id_: str) -> Case:
    made = tables.table_of(dummies.businesses(22, 420), BUSINESS_CODES, "business", "turnover")
    shown = tables.shown(made, BUSINESS_CODES, TURNOVER, LABELS)
    findings = tables.findings_of(made, "businesses")
    told = "Many businesses stand behind every total, and no share of a single one is large: the shares say so."
    part = exhibit(
        "Turnover by industry and region", shown, provenance="verified", findings=findings, supporting=_behind(made)
    )
    return case(id_, "What industries earn", (part,), told, purpose=_TURNOVER_PURPOSE)


_TURNOVER_PURPOSE = (
    "Figure 4 of the annual report: total turnover of last year, by industry and region, in 1,000 euros."
)


def _behind(made: Table) -> tuple[Titled, ...]:
    """For checkers alone: how many businesses stand behind each total, and how much of it the largest one has."""
    count = Column(name="businesses", label="Businesses")
    share = Column(name="share", label="Share of the largest business", unit="%", decimals=1)
    largest = 100 * made.cells["largest_1"] / made.cells["absolute"]
    return (
        Titled(
            "Businesses behind each total", tables.shown_fact(made, made.cells["units"], BUSINESS_CODES, count, LABELS)
        ),
        Titled("Share of the largest business", tables.shown_fact(made, largest, BUSINESS_CODES, share, LABELS)),
    )


def hidden_total(id_: str) -> Case:
    made = tables.half_protected(tables.table_of(dummies.persons(13, 700), SECTOR_CODES, "person"))
    number = tables.recovered(made)
    shown = tables.shown_protected(made, SECTOR_CODES, PERSONS, LABELS)
    planted = finding(
        Defect.RECOVERABLE,
        f"{number} withheld cells follow from the totals by subtraction.",
        f"{number} cells recovered exactly",
        "no withheld cell follows from what is published",
        "Withhold further cells (secondary suppression), or leave out the totals.",
    )
    told = "Small cells are withheld, but where a row or column has a single one, its total minus the others tells it."
    return case(
        id_,
        "Sectors of the regions",
        (exhibit("Persons by region and sector", shown),),
        told,
        planted,
        arguable=frozenset({Defect.SMALL_COUNTS, Defect.DIFFERENCING}),
    )


def class_disclosure(id_: str) -> Case:
    data = dummies.persons(33, 1800)
    data.loc[(data["sector"] == "Mining"), "benefit"] = "no"
    codes = {"sector": SECTORS, "benefit": ("yes", "no")}
    made = tables.table_of(data, codes, "person")
    planted = Planted(Defect.CLASS_DISCLOSURE, tables.finding_of(made, "class_disclosure", "persons"))
    told = (
        "No cell with people in it is small. But nobody in mining has the benefit: the table tells it of each of them."
    )
    part = exhibit("Persons by sector and housing benefit", tables.shown(made, codes, PERSONS, LABELS))
    return case(
        id_,
        "Benefit by sector",
        (part,),
        told,
        planted,
        arguable=frozenset({Defect.SMALL_COUNTS}),
        purpose=GOOD.format("by sector and housing benefit"),
    )


def percentages(id_: str) -> Case:
    data = dummies.persons(36, 620)
    codes = {"region": REGIONS, "sector": SECTORS}
    made = tables.table_of(data, codes, "person")
    total = made.cells[made.cells["sector"] == TOTAL].set_index("region")["value"]
    share = 100 * made.cells["value"] / made.cells["region"].map(total)
    percent = Column(name="percent", label="Share of the region", unit="%", decimals=1)
    shown = tables.shown_fact(made, share, codes, percent, LABELS)
    base = tables.table_of(data, {"region": REGIONS}, "person")
    planted = Planted(Defect.SMALL_COUNTS, tables.finding_of(made, "threshold", "persons"))
    told = "Percentages hide no count: a share times the region's persons, in the second table, is a number under ten."
    parts = (
        exhibit("Sectors in each region, percent", shown),
        exhibit("Persons by region", tables.shown(base, {"region": REGIONS}, PERSONS, LABELS)),
    )
    return case(id_, "What regions live from", parts, told, planted, arguable=frozenset({Defect.RECOVERABLE}))
