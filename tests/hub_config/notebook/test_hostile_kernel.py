"""A kernel that tries to get rows out through what it says, and how much of it crosses the web-socket.

Each attempt has a positive control: without the lock, the same cell's rows reach the browser.
"""

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.hub_config.notebook.server import Ear, Kernel, Server, kind, of_kind, running, shown

MARK = "20140-ROWS-"

FORGE = f"""
MARK = {MARK!r}
LARGE = MARK * 100_000
kernel = get_ipython().kernel
def say(kind, content, metadata=None, buffers=None, parent=None):
    parent = kernel.get_parent() if parent is None else parent
    facts = {{"parent": parent, "metadata": metadata, "buffers": buffers, "ident": b"x"}}
    kernel.session.send(kernel.iopub_socket, kind, content, **facts)
def show(data, metadata=None, **more):
    display(data, metadata=metadata, raw=True, **more)
def bundle(text):
    return {{"data": {{"text/plain": text}}, "metadata": {{}}}}
"""
"""What a kernel can say: each cell begins with the rows in `MARK` and `LARGE`, and with Jupyter's own messages."""

ATTEMPTS: dict[str, str] = {
    "printed": "print(LARGE)",
    "printed to stderr": "import sys; print(LARGE, file=sys.stderr)",
    "the value of a cell": "LARGE",
    "displayed": "show({'text/plain': LARGE})",
    "as html": "show({'text/html': LARGE})",
    "a script": "show({'application/javascript': MARK})",
    "a table as a file": "show({'text/csv': MARK})",
    "a made-up type": "show({'x/y': MARK})",
    "an image that is none": "show({'image/png': MARK})",
    "widget state": "show({'application/vnd.jupyter.widget-state+json': {'a': MARK}})",
    "metadata of an output": "show({'text/plain': 'a'}, {'text/plain': {'rows': MARK}})",
    "metadata of a message": "say('display_data', bundle('a'), {'rows': MARK})",
    "buffers": "say('display_data', bundle('a'), None, [MARK.encode()])",
    "fields that are not listed": "say('stream', {'name': 'stdout', 'text': 'a', 'rows': MARK})",
    "the name of a stream": "say('stream', {'name': MARK, 'text': 'a'})",
    "a state": "say('status', {'execution_state': MARK})",
    "code that was not sent": "say('execute_input', {'code': MARK, 'execution_count': 1})",
    "a comm": "say('comm_open', {'comm_id': '1', 'target_name': 'x', 'data': {'rows': MARK}})",
    "a comm's message": "say('comm_msg', {'comm_id': '1', 'data': {'rows': MARK}})",
    "a debugger's event": "say('debug_event', {'rows': MARK})",
    "a made-up message": "say('rows', {'rows': MARK})",
    "a made-up type of message": "say(MARK, {})",
    "a parent nobody sent": "say('stream', {'name': 'stdout', 'text': 'a'}, parent={'msg_id': MARK, 'rows': MARK})",
    "a name for updates": "say('display_data', bundle('a') | {'transient': {'display_id': MARK * 9}})",
    "the text of an update": (
        "show({'text/plain': 'a'}, display_id='d'); "
        "say('update_display_data', bundle(LARGE) | {'transient': {'display_id': 'd'}})"
    ),
    "a long traceback": "raise ValueError(LARGE)",
    "a page of help": "get_ipython().payload_manager.write_payload({'source': 'page', 'data': {'text/plain': LARGE}})",
}


@pytest.fixture(scope="module")
def kernel(locked: Server) -> Iterator[Kernel]:
    kernel = locked.kernel()
    kernel.run(FORGE)
    yield kernel
    kernel.close()


@pytest.fixture(scope="module")
def free(twin: Server) -> Iterator[Kernel]:
    kernel = twin.kernel()
    kernel.run(FORGE)
    yield kernel
    kernel.close()


def all_of(messages: list[dict[str, Any]]) -> str:
    return json.dumps([{**message, "buffers": str(message["buffers"])} for message in messages])


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_rows_do_not_cross(kernel: Kernel, free: Kernel, attempt: str) -> None:
    """Of a long exception the first of its text may be read; of every other attempt nothing crosses."""
    assert MARK in all_of(free.run(ATTEMPTS[attempt])), "the probe is broken"
    crossed = all_of(kernel.run(ATTEMPTS[attempt]))
    assert crossed.count(MARK) <= (1_000 if attempt == "a long traceback" else 0)
    assert shown(kernel.run("print('goes on')")).strip() == "goes on"


def test_what_is_held_back_says_so_once_and_the_cell_goes_on(kernel: Kernel, hub: Ear) -> None:
    messages = kernel.run("for _ in range(20): display({'application/javascript': '1'}, raw=True)\nprint('after')")
    assert shown(messages).count("held back") == 1
    assert "after" in shown(messages)
    assert kind(messages[-1]) in ("status", "execute_reply")
    assert "other kind" in hub.kinds("output.held_back")
    assert MARK not in json.dumps(hub.heard)


FLOODS = {
    "comms": "say('comm_open', {'comm_id': '1', 'data': {'rows': MARK * 100}})",
    "states": "say('status', {'execution_state': 'busy'})",
    "answers": "say('execute_input', {'code': '', 'execution_count': 7})",
    "made-up types": "say('x' * 100, {})",
    "large outputs": "say('stream', {'name': 'stdout', 'text': LARGE})",
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_crosses_as_one_sentence_at_most(kernel: Kernel, free: Kernel, locked: Server, flood: str) -> None:
    """In bursts, since a kernel that says a thousand things at once loses some by itself."""
    number = 20 if flood == "large outputs" else 400
    code = f"import time\nfor _ in range({number}): {FLOODS[flood]}\ntime.sleep(0.5)"
    before = (kernel.received, free.received)
    kernel.run(code)
    free.run(code)
    assert kernel.received - before[0] < 4_000
    assert free.received - before[1] > 40_000
    assert locked.ask("GET", "/api/status").status_code == 200


MALFORMED = """
for frames in (
    [b"x"],
    [b"<IDS|MSG>"],
    [b"<IDS|MSG>", b"", b"{}", b"{}", b"{}", b"{}"],
    [b"<IDS|MSG>", b"", b"[" * 9000, b"{}", b"{}", b"{}"],
    [b"<IDS|MSG>", b"", b'{"msg_type": "status"}', b"{}", b"{}", b'{"execution_state": [1]}'],
    [b"<IDS|MSG>", b"", b'{"msg_type": "stream"}', b"{}", b"{}", b"[" * 200000],
):
    kernel.iopub_socket.send_multipart(frames)
"""


def test_malformed_messages_do_not_stop_the_server(kernel: Kernel, locked: Server) -> None:
    assert not shown(kernel.run(MALFORMED))
    assert shown(kernel.run("1 + 1")) == "2"
    assert locked.ask("GET", f"/api/kernels/{kernel.id}").json()["execution_state"] in ("idle", "busy")


def test_a_kernels_state_in_the_list_of_kernels_is_one_of_three_words(kernel: Kernel, free: Kernel) -> None:
    for each in (kernel, free):
        each.send("execute_request", {"code": "say('status', {'execution_state': MARK}); import time; time.sleep(2)"})
    time.sleep(1)
    assert MARK in free.server.ask("GET", "/api/kernels").text
    assert MARK not in kernel.server.ask("GET", "/api/kernels").text
    for each in (kernel, free):
        each.run("1")


def test_requests_of_closed_types_do_not_reach_the_kernel(kernel: Kernel) -> None:
    kernel.run("reached = []; kernel.comm_manager.comm_open = lambda *facts: reached.append(1)")
    kernel.send("comm_open", {"comm_id": "1", "target_name": "x", "data": {}})
    kernel.send("debug_request", {"type": "request", "seq": 1, "command": "debugInfo"}, channel="control")
    messages = kernel.run("reached")
    assert shown(messages) == "[]"
    assert not of_kind(messages, "debug_reply")


def test_the_older_protocol_is_judged_alike(locked: Server, kernel: Kernel) -> None:
    older = locked.connect(kernel.id, protocol="")
    assert shown(older.run("1 + 2")) == "3"
    assert "held back" in shown(older.run("print(LARGE)"))
    older.close()


# -------------------------------------------------------------------------------------------------- files


def a_hostile_notebook() -> nbformat.NotebookNode:
    big = nbformat.v4.new_output("stream", text=MARK * 100_000)
    script = nbformat.v4.new_output("display_data", {"application/javascript": MARK})
    widget = nbformat.v4.new_output("display_data", {"application/vnd.jupyter.widget-view+json": {"rows": MARK}})
    smuggled = nbformat.v4.new_output("display_data", {"text/plain": "a"}, metadata={"rows": MARK})
    fine = nbformat.v4.new_output("execute_result", {"text/plain": "fine"}, execution_count=1)
    cell = nbformat.v4.new_code_cell("1", outputs=[big, script, widget, smuggled, fine])
    metadata = {"widgets": {"application/vnd.jupyter.widget-state+json": {"state": MARK}}}
    return nbformat.v4.new_notebook(cells=[cell], metadata=metadata)


def test_outputs_in_a_notebook_that_the_kernel_wrote_are_held_back(locked: Server, twin: Server, hub: Ear) -> None:
    for server in (locked, twin):
        nbformat.write(a_hostile_notebook(), server.work / "hostile.ipynb")
    assert twin.open("work/hostile.ipynb").text.count(MARK) > 100_000
    answer = locked.open("work/hostile.ipynb")
    assert answer.status_code == 200
    assert MARK not in answer.text
    assert answer.text.count("held back") == 3
    assert answer.json()["content"]["cells"][0]["outputs"][-1]["data"] == {"text/plain": "fine"}
    assert "stream" in hub.kinds("output.held_back")


@pytest.mark.parametrize(
    "content", ["[" * 100_000, '{"cells":' * 50_000, json.dumps({"cells": [], "nbformat": 4, "x": 1})]
)
def test_a_malformed_notebook_is_refused_with_a_sentence(locked: Server, content: str) -> None:
    (locked.work / "deep.ipynb").write_text(content)
    answer = locked.open("work/deep.ipynb")
    assert answer.status_code == 422 and "no notebook" in answer.json()["message"]


def test_special_files_are_refused_at_once(locked: Server) -> None:
    os.mkfifo(locked.work / "pipe.py")
    with (locked.work / "sparse.txt").open("wb") as file:
        file.truncate(2 << 30)
    (locked.work / "ring.py").symlink_to("ring.py")
    begin = time.monotonic()
    assert [locked.open(f"work/{name}").status_code for name in ("pipe.py", "sparse.txt", "ring.py")] == [403, 413, 403]
    assert time.monotonic() - begin < 5
    listed = {each["name"] for each in locked.open("work").json()["content"]}
    assert "sparse.txt" in listed and not {"pipe.py", "ring.py"} & listed


def test_a_file_that_is_swapped_for_a_link_while_it_is_opened_never_leaks(locked: Server, twin: Server) -> None:
    """The secret stands in the server's environment; on the twin, a link to it opens."""
    (twin.work / "swap.py").symlink_to("/proc/self/environ")
    assert "SECRET" in twin.open("work/swap.py").text, "the probe is broken"
    over = threading.Event()
    path = locked.work / "swap.py"

    def swap() -> None:
        while not over.is_set():
            new = path.with_name("swap.new")
            new.write_text("a = 1")
            new.rename(path)
            new.symlink_to("/proc/self/environ")
            new.rename(path)

    thread = threading.Thread(target=swap)
    thread.start()
    answers = [locked.open("work/swap.py") for _ in range(100)]
    over.set()
    thread.join()
    assert {answer.status_code for answer in answers} <= {200, 403, 404}
    assert any(answer.status_code == 200 for answer in answers)
    assert not any("SECRET" in answer.text for answer in answers)


def test_a_save_through_a_planted_link_changes_nothing_outside(locked: Server, tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text("honest")
    (locked.work / "planted.py").symlink_to(outside)
    saved = locked.ask("PUT", "/api/contents/work/planted.py", {"type": "file", "format": "text", "content": "mine"})
    assert saved.is_success
    assert outside.read_text() == "honest"
    assert (locked.work / "planted.py").read_text() == "mine"


# -------------------------------------------------------------------------------------------------- the budget

BUDGET = 1 << 20


@pytest.fixture
def poor(tmp_path: Path, hub: Ear) -> Iterator[Server]:
    """A server whose person may be shown one MiB a day."""
    with running(tmp_path, hub.path, locked=True, bytes_a_day=BUDGET) as server:
        yield server


def test_a_used_up_budget_shows_nothing_more_and_work_goes_on(poor: Server, hub: Ear, tmp_path: Path) -> None:
    (poor.work / "note.md").write_text("# A note")
    kernel = poor.kernel()
    for number in range(12):
        messages = kernel.run(f"print({number}, 'x' * 150_000)")
    assert kernel.received < BUDGET + 50_000
    assert "are used up" in shown(messages) and "00:00 UTC" in shown(messages)
    assert "budget" in hub.kinds("output.budget_used")

    after = kernel.received
    made = tmp_path / "made.txt"
    for attempt in (
        "print('rows')",
        "'rows'",
        "rows",
        f"open({str(made)!r}, 'w').write('rows'); 1",
        "rows?",
        "%history",
    ):
        messages = kernel.run(attempt)
        assert "rows" not in json.dumps([message["content"] for message in messages]), attempt
        assert "are used up" in shown(messages) or attempt == "rows?"
    assert made.read_text() == "rows"
    assert [reply["content"]["status"] for reply in of_kind(kernel.run("1/0"), "execute_reply")] == ["error"]
    assert kernel.received - after < 30_000

    for path in ("work/note.md", "work", ""):
        answer = poor.open(path)
        assert answer.status_code == 403 and "are used up" in answer.json()["message"]
        assert "note" not in answer.text.replace("notebook", "")
    assert poor.open("work/note.md", "content=0&hash=1").status_code == 200  # asked before each save
    assert poor.open("work/note.md", "content=0&content=1").status_code == 403
    notebook = {"type": "notebook", "format": "json", "content": nbformat.v4.new_notebook()}
    assert poor.ask("PUT", "/api/contents/work/saved.ipynb", notebook).is_success
    kernel.close()


def test_even_answers_end_when_their_reserve_is_gone(tmp_path: Path, hub: Ear) -> None:
    """Positive control: with the usual budget the same loop is answered to its end."""
    crossed = 0
    with running(tmp_path, hub.path, locked=True, bytes_a_day=64 * 1024) as server:
        (server.work / "note.md").write_text("# A note")
        for _ in range(400):
            answer = server.open("work/note.md", "content=0")
            crossed += len(answer.content) if answer.status_code == 200 else 0
        assert answer.status_code == 403 and "pauses until" in answer.json()["message"]
    assert crossed <= 80 * 1024


def test_a_server_that_starts_again_is_not_refilled(tmp_path: Path, hub: Ear) -> None:
    with running(tmp_path, hub.path, locked=True, bytes_a_day=BUDGET) as server:
        kernel = server.kernel()
        for _ in range(9):
            kernel.run("print('x' * 150_000)")
        kernel.close()
    with running(tmp_path, hub.path, locked=True, bytes_a_day=BUDGET) as server:
        kernel = server.kernel()
        assert "are used up" in shown(kernel.run("print('rows')"))
        kernel.close()


def test_a_hub_that_does_not_record_holds_outputs_back(poor: Server, hub: Ear) -> None:
    kernel = poor.kernel()
    assert shown(kernel.run("1 + 1")) == "2"
    hub.status = 503
    try:
        kernel.run("display({'application/javascript': '1'}, raw=True)")
        time.sleep(0.5)
        assert "could not be recorded" in shown(kernel.run("1 + 2"))
    finally:
        hub.status = 204
    time.sleep(3)
    assert shown(kernel.run("1 + 3")) == "4"
    kernel.close()


def test_a_server_without_the_hubs_gate_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="SAFEROOM_HUB_GATE"), running(tmp_path, None, locked=True):
        pass
