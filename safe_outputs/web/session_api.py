"""The statistics API of sessions: what a notebook reaches through its gate, and nothing else.

Who calls is what the gate stamped (`stamp`), never what the call says. It takes no cookie, so no page can make a
browser call it.
"""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, jsonify, url_for
from sqlalchemy.orm import Session as Database

from governance.database import reading, transaction
from governance.people import find_person
from governance.projects import find_project
from safe_outputs import asking, conversation, requests
from safe_outputs.contents.checklist import LONGEST_ANSWER, MOST_ANSWERS
from safe_outputs.contents.groups import groups_of
from safe_outputs.contents.request_details import Notebook, RequestDetails, read_details, read_notebook
from safe_outputs.errors import NoSuchThing
from safe_outputs.limits import LARGEST_BODY_OF_REQUEST
from safe_outputs.models import ReleaseRequest, Statistic
from safe_outputs.reading import request_view
from safe_outputs.transitions import Action
from safe_outputs.web import bodies
from safe_outputs.web.access import access, asker
from safe_outputs.web.api.session import (
    SessionAnswerToQuestion,
    SessionChecklist,
    SessionNow,
    StatisticAsked,
    StatisticFound,
    StatisticWanted,
    facts,
)
from safe_outputs.web.api.statement import described
from safe_outputs.web.seen import seen
from safe_outputs.web.service import service, today
from safe_outputs.web.session_data import datasets_of
from safe_outputs.web.session_files import file_json

blueprint = Blueprint("session_api", __name__, url_prefix="/api/session")

AUTHORS_ACTIONS = (Action.EDIT, Action.SUBMIT, Action.WITHDRAW, Action.ANSWER)
"""What a session can do to a request. Each request says why not, or null."""


@blueprint.get("/session")
@described("session", "GET", "Who works here, with which data.", **facts(SessionNow))
@access("gate")
def session() -> Response:
    """Who works here, for which project, with which data."""
    caller = asker()
    with reading(service().engine) as database:
        person, project = find_person(database, caller.person), find_project(database, caller.project)
        return jsonify(
            person=person.name,
            full_name=person.full_name,
            project={"id": project.id, "name": project.name},
            training_days=(person.training_until - today()).days,
            datasets=datasets_of(database, project.id),
            notices=list(service().settings.notices),
        )


@blueprint.post("/statistics")
@described("session", "POST", "Ask for a statistic.", **facts(StatisticAsked, status=202, body=StatisticWanted))
@access("gate")
def ask() -> tuple[Response, int, dict[str, str]]:
    body = bodies.json_object("plan", "code")
    plan = asking.read_plan(body["plan"])
    code = bodies.text(body["code"], "code", asking.MAX_CODE_CHARACTERS)
    with transaction(service().engine) as database:
        statistic = asking.ask(database, asker(), plan, code)
        answer = _statistic_json(statistic)
    return jsonify(answer), 202, {"Location": answer["url"]}


@blueprint.get("/statistics/<statistic_id>")
@described("session", "GET", "A statistic, with its answer once there is one.", **facts(StatisticFound))
@access("gate")
def statistic(statistic_id: str) -> Response:
    with reading(service().engine) as database:
        found = asking.find_statistic(database, statistic_id, asker().project)
        answer = asking.read_answer(service().store, found).model_dump(mode="json") if found.answer else None
        return jsonify(_statistic_json(found) | {"answer": answer, "problem": found.problem})


@blueprint.post("/requests")
@described("session", "POST", "Draft a release request.", **facts(status=201, body=RequestDetails))
@access("gate")
def draft() -> tuple[Response, int, dict[str, str]]:
    details = read_details(bodies.any_json(LARGEST_BODY_OF_REQUEST))
    caller = asker()
    with transaction(service().engine) as database:
        request = requests.draft(
            database, author=caller.person, project_id=caller.project, details=details, today=today()
        )
        request_id = request.id
    return _shown(request_id), 201, {"Location": url_for(".one", request_id=request_id)}


@blueprint.get("/requests/<request_id>")
@described("session", "GET", "A release request of the project.", **facts())
@access("gate")
def one(request_id: str) -> Response:
    return _shown(request_id)


@blueprint.put("/requests/<request_id>")
@described("session", "PUT", "Change a draft.", **facts(body=RequestDetails))
@access("gate")
def edit(request_id: str) -> Response:
    details = read_details(bodies.any_json(LARGEST_BODY_OF_REQUEST))
    with transaction(service().engine) as database:
        request = _of_project(database, request_id)
        requests.edit(database, request, author=asker().person, details=details, today=today())
    return _shown(request_id)


@blueprint.post("/requests/<request_id>/submit")
@described("session", "POST", "Hand a request to the output checkers.", **facts(body=Notebook, body_required=False))
@access("gate")
def submit(request_id: str) -> Response:
    body = bodies.optional_object("notebook", "no_notebook")
    with transaction(service().engine) as database:
        request = _of_project(database, request_id)
        if body is not None:
            notebook = read_notebook(body)
            requests.attach_notebook(database, request, author=asker().person, notebook=notebook, today=today())
        requests.submit(database, service().store, request, author=asker().person, today=today())
    return _shown(request_id)


@blueprint.put("/requests/<request_id>/checklist")
@described("session", "PUT", "Answer the requester's checklist.", **facts(body=SessionChecklist))
@access("gate")
def checklist(request_id: str) -> Response:
    """Keep answers to the requester's checklist, beside those that were given before."""
    body = bodies.json_object("answers")
    answers = bodies.words(body["answers"], "answers", MOST_ANSWERS, LONGEST_ANSWER)
    with transaction(service().engine) as database:
        request = _of_project(database, request_id)
        requests.answer_checklist(database, request, author=asker().person, answers=answers, today=today())
    return _shown(request_id)


@blueprint.post("/requests/<request_id>/withdraw")
@described("session", "POST", "Take a request back for good.", **facts())
@access("gate")
def withdraw(request_id: str) -> Response:
    with transaction(service().engine) as database:
        request = _of_project(database, request_id)
        requests.withdraw(database, request, author=asker().person, today=today())
    return _shown(request_id)


@blueprint.post("/requests/<request_id>/answers")
@described("session", "POST", "Answer an open question.", **facts(body=SessionAnswerToQuestion))
@access("gate")
def answer(request_id: str) -> Response:
    """The project's answer to an open question of an output checker."""
    body = bodies.json_object("question", "text")
    text = bodies.text(body["text"], "text", conversation.LONGEST)
    with transaction(service().engine) as database:
        request = _of_project(database, request_id)
        question = bodies.whole_number(body["question"], "question")
        conversation.answer(database, request, person=asker().person, question=question, text=text, today=today())
    return _shown(request_id)


def _of_project(database: Database, request_id: str) -> ReleaseRequest:
    """A request of the session's project; another project's is not to be found from here."""
    request = requests.find_request(database, request_id)
    if request.project_id != asker().project:
        raise NoSuchThing(f"There is no release request “{request_id}” that you can see. Check the address.")
    return request


def _statistic_json(statistic: Statistic) -> dict[str, Any]:
    return {
        "id": statistic.id,
        "state": statistic.state.value,
        "url": url_for("session_api.statistic", statistic_id=statistic.id),
    }


def _request_json(database: Database, request: ReleaseRequest) -> dict[str, Any]:
    """The request as its project may see it: comments of open turns are not among it."""
    database.flush()
    view = request_view(database, service().store, request.id, asker().person, today())
    seen(asker().person, "session", view)
    return {
        "id": request.id,
        "title": request.title,
        "purpose": request.purpose,
        "audience": request.audience,
        "state": request.state.value,
        "state_in_words": view.line.state_in_words,
        "verdict": view.line.verdict.value,
        "turn": request.turn,
        "statistics": [item.statistic_id for item in request.items],
        "groups": [
            {
                "title": group.title,
                "context": group.context,
                "audience": group.audience,
                "statistics": [item.statistic_id for item in group.items],
                "files": [file.file_id for file in group.files],
            }
            for group in groups_of(request)
        ],
        "files": [file_json(each.file) | {"statement": each.statement} for each in request.files],
        "evidence": [file_json(each.file) | {"notebook": each.notebook} for each in request.evidence],
        "no_notebook": view.contents.no_notebook,
        "checklist": [asdict(each) for each in view.contents.checklist],
        "votes": view.line.votes,
        "checkers_needed": request.checkers_needed,
        "comments": [
            {"turn": vote.turn, "vote": vote.vote.value, "comment": vote.comment, "at": vote.at.isoformat()}
            for vote in view.votes
        ],
        "move": view.line.move.value,
        "move_since": view.line.since.isoformat(),
        "due": view.line.due.isoformat() if view.line.due else None,
        "overdue": view.line.overdue,
        "conversation": [
            {
                "id": said.id,
                "turn": said.turn,
                "kind": said.kind.value,
                "who": said.who,
                "text": said.text,
                "at": said.at.isoformat(),
                "answers": said.answers,
                "open": said.open,
            }
            for said in view.remarks
        ],
        "cannot": {action.value: view.reasons[action] for action in AUTHORS_ACTIONS},
        "release": view.release_id,
        "releases": [{"id": each.id, "audience": each.audience} for each in view.releases],
        "url": service().settings.address(f"requests/{request.id}"),
    }


def _shown(request_id: str) -> Response:
    """The request as it is now; read after the change was committed, so that reading holds no lock."""
    with reading(service().engine) as database:
        return jsonify(_request_json(database, _of_project(database, request_id)))
