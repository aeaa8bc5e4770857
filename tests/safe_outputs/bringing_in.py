"""What researchers of the house bring in, for tests of its pages."""

from datasets.ingress import requests
from datasets.ingress.models import IngressRequest
from datasets.ingress.scan import File
from datasets.ingress.states import IngressState
from tests.safe_outputs.factories import TODAY
from tests.safe_outputs.house import House

CODE = File("clean.py", b"import pandas as pd\n")
CODES = File("codes.csv", b"code,name\n1,one\n2,two\n")


def something_asked(house: House, *files: File, purpose: str = "Codes of the sites, from the handbook.") -> str:
    """The id of rosa's request, scanned."""
    return requests.bring_in(
        house.engine,
        house.store,
        author="rosa",
        project="heron",
        purpose=purpose,
        files=files or (CODE, CODES),
        today=TODAY,
    )


def state_of(house: House, request_id: str) -> IngressState:
    state: IngressState = house.do(lambda session: session.get_one(IngressRequest, request_id).state)
    return state
