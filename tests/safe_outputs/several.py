"""Requests for two audiences, with files and evidence, for tests that are about something else."""

from safe_outputs import requests
from tests.safe_outputs.contents import CODE, CODE_STATEMENT, NOTEBOOK, a_file, a_group, a_statement, details_of
from tests.safe_outputs.factories import PRIVATE_COUNT, TODAY
from tests.safe_outputs.house import House, an_answered_statistic

UNDERLYING = b"secret,underlying\nDayton,3\nSeattle,4\n"


def a_draft_with_everything(house: House) -> str:
    """rosa's draft: a table and a file for everybody, a private count and code for a team; evidence and notebook."""
    public = a_group(
        statistics=[an_answered_statistic(house)], files={a_file(house): a_statement()}, title="Published tables"
    )
    team = a_group(
        "pre_publication",
        [an_answered_statistic(house, PRIVATE_COUNT)],
        {a_file(house, CODE, name="code.py"): CODE_STATEMENT},
        title="Team tables",
    )
    evidence = a_file(house, UNDERLYING, name="underlying.csv", role="evidence")
    notebook = a_file(house, NOTEBOOK, name="work.ipynb", role="evidence")
    details = details_of(public, team, evidence=[evidence], notebook=notebook)
    return str(
        house.do(
            lambda session: requests.draft(session, author="rosa", project_id="heron", details=details, today=TODAY).id
        )
    )
