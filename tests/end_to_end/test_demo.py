"""`saferoom demo --once`: what it says, what it leaves, that it resumes, and that its numbers are the truth (I5)."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.end_to_end.conftest import a_free_port

pytestmark = [pytest.mark.hub, pytest.mark.timeout(900)]

CHECKOUT = Path(__file__).resolve().parents[2]


def run_demo(state: Path) -> str:
    """What one run printed. It has to end with status 0."""
    done = subprocess.run(
        [sys.executable, "-m", "hub_config.commands", "demo", "--once", "--state", state, "--port", str(a_free_port())],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def printed(state: Path) -> str:
    return run_demo(state)


@pytest.fixture(scope="module")
def facts(state: Path, printed: str) -> dict[str, object]:
    assert printed
    found: dict[str, object] = json.loads((state / "demo.json").read_text())
    return found


def test_it_says_what_happened(printed: str) -> None:
    steps = [
        "the project copy has 20,190 rows of 5,912 persons",
        "researcher signed in with password and one-time code",
        "refer · 8 of 49 cells withheld",
        "ρ = 0.05 paid, 0.45 left",
        "tries to approve it herself: refused",
        "checker-one read the request and approved it; it is now in_review",
        "checker-two read the request and approved it",
        "2 statistics, its signature verified",
        "The public page shows it without a login",
    ]
    places = [printed.find(step) for step in steps]
    assert -1 not in places
    assert places == sorted(places)


def test_what_it_leaves_is_complete_and_private(state: Path, facts: dict[str, object]) -> None:
    assert set(facts) == {"hub_url", "outputs_url", "public_url", "users", "release"}
    assert stat.S_IMODE((state / "demo.json").stat().st_mode) == 0o600
    users = facts["users"]
    assert isinstance(users, list)
    assert all(set(user) == {"name", "role", "project", "password", "totp_secret"} for user in users)
    assert Path(str(facts["release"]), "release.json").is_file()


PLAN_GROUPS = {
    "Free care": [11],
    "Individual deductible": [1, 13],
    "25% coinsurance": [5, 6, 7],
    "Mixed coinsurance": [17, 18, 19],
    "50% coinsurance": [8, 9, 10],
    "95% or 100% coinsurance": [2, 3, 4, 14, 15, 16],
}


WITHHELD = {
    ("Site 1", "50% coinsurance"),
    ("Site 1", "Mixed coinsurance"),
    ("Site 2", "50% coinsurance"),
    ("Site 2", "Mixed coinsurance"),
    ("Site 3", "25% coinsurance"),
    ("Site 3", "50% coinsurance"),
    ("Site 6", "25% coinsurance"),
    ("Site 6", "50% coinsurance"),
}
"""Four with fewer than ten persons, and in the row and column of each another, so that no total gives it away."""


def independently() -> pd.DataFrame:
    """The table from the owner's file, by pandas alone: none of our code, and no de-identified data."""
    (source,) = (CHECKOUT / ".session" / "lib").glob("python3.*/site-packages/statsmodels/datasets/randhie/src/*.csv")
    data = pd.read_csv(source).query("year in (4, 5)")
    data["site"] = "Site " + data["site"].astype(str)
    data["plan_group"] = data["plan"].map({code: group for group, codes in PLAN_GROUPS.items() for code in codes})
    data["cents"] = (data["meddol"] * 100).round()
    parts = [data, data.assign(site="_T"), data.assign(plan_group="_T"), data.assign(site="_T", plan_group="_T")]
    cells = pd.concat(parts).groupby(["site", "plan_group"]).agg(persons=("zper", "nunique"), mean=("cents", "mean"))
    codes = [[*(f"Site {n}" for n in range(1, 7)), "_T"], [*PLAN_GROUPS, "_T"]]
    every = pd.MultiIndex.from_product(codes, names=["site", "plan_group"])
    return cells.reindex(every).fillna({"persons": 0}).reset_index()


def test_the_released_table_is_the_truth_cell_by_cell(facts: dict[str, object]) -> None:
    (file,) = Path(str(facts["release"])).glob("*crosstab*.csv")
    released = pd.read_csv(file)
    truth = independently()
    assert list(released["site"]) == list(truth["site"])
    assert list(released["plan_group"]) == list(truth["plan_group"])
    for shown, true in zip(released.to_dict("records"), truth.to_dict("records"), strict=True):
        if shown["status"] == "withheld":
            assert pd.isna(shown["persons"])
            assert pd.isna(shown["mean_medical_spending"])
        else:
            assert shown["status"] == "published"
            assert true["persons"] >= 10
            assert shown["persons"] == true["persons"]
            assert shown["mean_medical_spending"] == pytest.approx(true["mean"] / 100, abs=0.005 + 1e-9)
    withheld = released[released["status"] == "withheld"]
    assert set(zip(withheld["site"], withheld["plan_group"], strict=True)) == WITHHELD
    assert (truth["persons"] < 10).sum() == 4


def test_persons_and_not_rows_are_counted() -> None:
    """The withheld cells hold persons with several years: by rows they would have passed."""
    truth = independently()
    assert truth.query("plan_group == '25% coinsurance' and site == 'Site 3'")["persons"].item() == 8


def test_the_private_counts_are_near_the_truth_and_not_the_truth(facts: dict[str, object]) -> None:
    (file,) = Path(str(facts["release"])).glob("*private*.csv")
    noisy = pd.read_csv(file)["count_units"].tolist()
    true = [1164, 1232, 735, 905, 786, 1090]
    distances = [abs(a - b) for a, b in zip(noisy, true, strict=True)]
    assert max(distances) < 40
    assert sum(distances) > 0


def test_a_second_run_resumes_and_loses_nothing(state: Path, facts: dict[str, object]) -> None:
    record = Path(str(facts["release"]), "release.json")
    before = record.read_bytes()
    printed = run_demo(state)
    again = json.loads((state / "demo.json").read_text())
    assert "released in an earlier run" in printed
    assert record.read_bytes() == before
    assert (again["users"], again["release"]) == (facts["users"], facts["release"])
    assert [path.name for path in (state / "releases").iterdir()] == [record.parent.name]
