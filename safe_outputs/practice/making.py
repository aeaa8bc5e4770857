"""What practice cases are made with: columns, words, and how tables, findings and cases are put together."""

from safe_outputs.answers import Column, Finding, TableOfCells, Verdict
from safe_outputs.checker.files import table_as_csv
from safe_outputs.practice.case import Case, Exhibit, Planted
from safe_outputs.practice.defects import DEFECTS, Defect
from safe_outputs.practice.dummies import INDUSTRIES, REGIONS, SECTORS

PERSONS = Column(name="persons", label="Persons")
TURNOVER = Column(name="turnover", label="Turnover", unit="1,000 euros")
SECTOR_CODES = {"region": REGIONS, "sector": SECTORS}
BUSINESS_CODES = {"industry": INDUSTRIES, "region": REGIONS[:4]}
LABELS = {
    "region": "Region",
    "sector": "Sector of work",
    "industry": "Industry",
    "age": "Age",
    "benefit": "Housing benefit",
}
PROJECT = "How work and income differ between regions, for the regional development plan."
GOOD = "Table 2 of the report on regional work. Persons in work on 1 May, {}. Unweighted numbers of persons."


def finding(defect: Defect, sentence: str, value: str, limit: str, fix: str) -> Planted:
    """A defect that no rule of `disclosure_control` looks for, told in the form of a finding."""
    return Planted(
        defect,
        Finding(
            rule=defect.value.replace("_", " "),
            verdict=Verdict.REFER,
            sentence=sentence,
            value=value,
            limit=limit,
            source=DEFECTS[defect].source,
            fix=fix,
        ),
    )


def exhibit(title: str, table: TableOfCells, **facts: object) -> Exhibit:
    """A table and the file of it."""
    given: dict[str, object] = {"provenance": "derived", "file_name": "table.csv", **facts}
    return Exhibit(title=title, table=table, file_text=table_as_csv(table).decode(), **given)  # type: ignore[arg-type]


def case(id_: str, title: str, exhibits: tuple[Exhibit, ...], told: str, *planted: Planted, **facts: object) -> Case:
    """A case with what most cases have."""
    given: dict[str, object] = {
        "version": 1,
        "purpose": GOOD.format("by region and sector"),
        "project_purpose": PROJECT,
        "audience": "publication",
        **facts,
    }
    return Case(id=id_, title=title, exhibits=exhibits, told=told, planted=planted, **given)  # type: ignore[arg-type]
