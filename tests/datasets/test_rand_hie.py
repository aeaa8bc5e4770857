"""The real data, the whole way: what stands in the project copy equals the owner's file as pandas reads it.

pandas reads the file by itself here; nothing of the package is used on that side.
"""

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datasets.copies import ProjectCopy
from datasets.engines import open_copy
from datasets.versions import DatasetVersion
from tests.datasets.factories import RAND_HIE, agreed, available, provision, rand_hie_file, register

COLUMNS = [
    "year", "site", "female", "age", "child", "education", "income", "family_size", "plan", "plan_group",
    "coinsurance", "health", "physical_limitation", "chronic_disease", "doctor_visits", "admissions",
    "medical_spending",
]  # fmt: skip
PLAN_GROUPS = {
    "Free care": [11],
    "Individual deductible": [1, 13],
    "25% coinsurance": [5, 6, 7],
    "Mixed coinsurance": [17, 18, 19],
    "50% coinsurance": [8, 9, 10],
    "95% or 100% coinsurance": [2, 3, 4, 14, 15, 16],
}

ROUNDED = ["educdec", "income", "disea", "meddol"]

Made = tuple[DatasetVersion, ProjectCopy, ProjectCopy]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    state = tmp_path_factory.mktemp("state")
    with register(state) as session:
        version = available(session, RAND_HIE, state)
        agreed(session, "coinsurance", version, COLUMNS)
        agreed(session, "visits", version, ["site", "doctor_visits"])
        yield (
            version,
            provision(session, "coinsurance", "rand_hie", state),
            provision(session, "visits", "rand_hie", state),
        )


@pytest.fixture(scope="module")
def copied(made: Made) -> pd.DataFrame:
    with open_copy(made[1].path) as connection:
        return connection.execute("FROM visits").df()


@pytest.fixture(scope="module")
def source() -> pd.DataFrame:
    return pd.read_csv(rand_hie_file(), dtype={"zper": str} | dict.fromkeys(ROUNDED, str))


def test_rows_and_persons_are_those_of_the_file(made: Made, copied: pd.DataFrame, source: pd.DataFrame) -> None:
    assert (made[0].rows, made[0].units) == (made[1].rows, made[1].units) == (20_190, 5_912)
    assert (len(copied), copied.person.nunique()) == (len(source), source.zper.nunique()) == (20_190, 5_912)


def test_nothing_is_missing_but_what_the_file_lacks(made: Made, copied: pd.DataFrame) -> None:
    missing = copied.isna().sum()
    assert missing[missing > 0].to_dict() == {"education": 4, "physical_limitation": 1_052}
    assert made[0].scan["findings"] == []


def rounded(texts: pd.Series, places: int) -> pd.Series:
    """Halves up, from the text of the file: a float no longer knows what a half was."""
    step = Decimal(1).scaleb(-places)
    return texts.map(lambda text: float(Decimal(text).quantize(step, ROUND_HALF_UP)), na_action="ignore").astype(float)


def expected_rows(source: pd.DataFrame) -> pd.DataFrame:
    """The copy's variables, made from the file with pandas and numpy."""
    groups = {plan: name for name, plans in PLAN_GROUPS.items() for plan in plans}
    health = np.select([source.hlthg == 1, source.hlthf == 1, source.hlthp == 1], ["Good", "Fair", "Poor"], "Excellent")
    limited = source.physlm.where(source.physlm.isin([0, 1]))
    return pd.DataFrame(
        {
            "year": "Year " + source.year.astype(str),
            "site": "Site " + source.site.astype(str),
            "female": source.female.astype(float),
            "age": np.floor(source.xage),
            "child": source.child.astype(float),
            "education": rounded(source.educdec, 1),
            "income": rounded(source.income, 2),
            "family_size": source.num.astype(float),
            "plan": "Plan " + source.plan.astype(str),
            "plan_group": source.plan.map(groups),
            "coinsurance": source.coins.astype(str) + "%",
            "health": health,
            "physical_limitation": limited.astype(float),
            "chronic_disease": rounded(source.disea, 1),
            "doctor_visits": source.mdvis.astype(float),
            "admissions": source.totadm.astype(float),
            "medical_spending": rounded(source.meddol, 2),
        }
    )


def test_every_value_is_the_files_own(copied: pd.DataFrame, source: pd.DataFrame) -> None:
    """Persons are matched by the whole of their rows, since their names are gone."""
    theirs = expected_rows(source)
    ours = copied.drop(columns="person").astype(dict.fromkeys(theirs.select_dtypes("number").columns, float))
    order = list(theirs.columns)
    ours, theirs = (frame[order].sort_values(order).reset_index(drop=True) for frame in (ours, theirs))
    for name in order:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)


def test_persons_by_site_and_plan_group_are_those_of_the_file(copied: pd.DataFrame, source: pd.DataFrame) -> None:
    theirs = expected_rows(source).assign(person=source.zper)
    keys = ["site", "plan_group"]
    ours = copied.groupby(keys).person.nunique()
    pd.testing.assert_series_equal(ours, theirs.groupby(keys).person.nunique(), check_index_type=False)


def test_a_person_keeps_all_their_rows_and_no_others(copied: pd.DataFrame, source: pd.DataFrame) -> None:
    def spells(frame: pd.DataFrame, unit: str, year: str, visits: str) -> list[tuple[tuple[int, int], ...]]:
        frame = frame.assign(year_number=frame[year].astype(str).str[-1].astype(int))
        groups = frame.sort_values("year_number").groupby(unit)
        return sorted(
            tuple(zip(group["year_number"].tolist(), group[visits].tolist(), strict=True)) for _, group in groups
        )

    assert spells(copied, "person", "year", "doctor_visits") == spells(source, "zper", "year", "mdvis")


def test_no_value_of_any_file_is_a_person_number(made: Made, source: pd.DataFrame) -> None:
    """All values of the version and of both copies are scanned."""
    identifiers = set(source.zper)
    frames = [pd.read_parquet(made[0].data())]
    for copy in made[1:]:
        with open_copy(copy.path) as connection:
            frames.append(connection.execute("FROM visits").df())
    for frame in frames:
        for name in frame:
            assert identifiers.isdisjoint(frame[name].astype(str)), name


def test_persons_of_two_projects_cannot_be_matched_by_name(made: Made, copied: pd.DataFrame) -> None:
    with open_copy(made[2].path) as connection:
        other = connection.execute("FROM visits").df()
    assert list(other) == ["person", "site", "doctor_visits"]
    assert set(other.person).isdisjoint(copied.person)
    assert other.person.nunique() == copied.person.nunique()


def test_the_file_is_taken_in_the_same_way_every_time(made: Made, tmp_path: Path) -> None:
    with register(tmp_path) as session:
        again = available(session, RAND_HIE, tmp_path)
    assert again.content_digest == made[0].content_digest
    assert again.data_digest == made[0].data_digest
