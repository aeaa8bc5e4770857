"""What a researcher does all day works in a locked server."""

import json
import time
from collections.abc import Iterator
from typing import Any

import nbformat
import pytest

from tests.hub_config.notebook.server import KERNEL, Kernel, Server, of_kind, shown


@pytest.fixture(scope="module")
def kernel(locked: Server) -> Iterator[Kernel]:
    kernel = locked.kernel()
    yield kernel
    kernel.close()


def test_results_tables_plots_and_errors_are_shown(kernel: Kernel) -> None:
    assert shown(kernel.run("1 + 1")) == "2"
    assert "<table" in shown(kernel.run("import pandas as pd; pd.DataFrame({'a': [1, 2]})"))
    plot = of_kind(kernel.run("import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()"), "display_data")
    assert plot[0]["content"]["data"]["image/png"].startswith("iVBOR")
    assert "ZeroDivisionError" in shown(kernel.run("1 / 0"))
    assert "Saferoom" not in shown(kernel.run("for i in range(100_000): print(i)"))


def test_an_output_is_updated_in_its_place(kernel: Kernel) -> None:
    messages = kernel.run("h = display('a', display_id='p'); h.update('b')")
    first, second = of_kind(messages, "display_data", "update_display_data")
    assert first["content"]["transient"] == second["content"]["transient"] == {"display_id": "p"}
    assert "b" in second["content"]["data"]["text/plain"]


def test_completion_help_and_history_answer(kernel: Kernel) -> None:
    complete = of_kind(kernel.ask("complete_request", {"code": "prin", "cursor_pos": 4}), "complete_reply")
    assert "print" in complete[0]["content"]["matches"]
    inspect = kernel.ask("inspect_request", {"code": "print", "cursor_pos": 5, "detail_level": 0})
    assert "Prints the values" in of_kind(inspect, "inspect_reply")[0]["content"]["data"]["text/plain"]
    page = of_kind(kernel.run("print?"), "execute_reply")[0]["content"]["payload"]
    assert page[0]["source"] == "page"
    wanted = {"output": False, "raw": True, "hist_access_type": "tail", "n": 5}
    assert of_kind(kernel.ask("history_request", wanted), "history_reply")[0]["content"]["history"]
    info = of_kind(kernel.ask("kernel_info_request", {}), "kernel_info_reply")[0]["content"]
    assert info["language_info"]["name"] == "python" and info["help_links"] == []


def test_a_cell_asks_for_input(kernel: Kernel) -> None:
    content = {"code": "input('Name? ')", "silent": False, "store_history": True, "allow_stdin": True}
    kernel.send("execute_request", content)
    while (message := kernel.receive())["channel"] != "stdin":
        pass
    assert message["content"] == {"prompt": "Name? ", "password": False}
    kernel.send("input_reply", {"value": "Rosa"}, channel="stdin")
    messages: list[dict[str, Any]] = []
    while not of_kind(messages, "execute_result"):
        messages.append(kernel.receive())
    assert shown(messages) == "'Rosa'"


def test_a_kernel_is_interrupted_and_restarted(locked: Server) -> None:
    kernel = locked.kernel()
    kernel.run("a = 1")
    kernel.send("execute_request", {"code": "import time; time.sleep(60)"})
    time.sleep(1)
    assert locked.ask("POST", f"/api/kernels/{kernel.id}/interrupt").status_code == 204
    messages: list[dict[str, Any]] = []
    while not of_kind(messages, "execute_reply"):
        messages.append(kernel.receive())
    time.sleep(0.5)  # a kernel drops what was asked while it was interrupted
    assert "KeyboardInterrupt" in shown(messages)
    assert shown(kernel.run("a")) == "1"
    assert locked.ask("POST", f"/api/kernels/{kernel.id}/restart").status_code == 200
    again = locked.connect(kernel.id)
    assert "NameError" in shown(again.run("a"))
    again.close()
    kernel.close()
    assert locked.ask("DELETE", f"/api/kernels/{kernel.id}").status_code == 204


def test_a_kernel_that_computes_in_silence_is_no_idle_one(locked: Server) -> None:
    """The hub ends sessions by what the server tells it of their last use."""
    kernel = locked.kernel()
    kernel.send("execute_request", {"code": "import time; time.sleep(600)", "silent": False})
    deadline = time.monotonic() + 30
    while locked.ask("GET", "/api/status").json()["last_activity"] == last_use(locked, after=0.5):
        assert time.monotonic() < deadline
    assert last_use(locked) < last_use(locked, after=1.0) < last_use(locked, after=1.0)
    kernel.close()
    assert locked.ask("DELETE", f"/api/kernels/{kernel.id}").is_success
    time.sleep(1.0)
    assert last_use(locked) == last_use(locked, after=1.0)


def last_use(server: Server, after: float = 0.0) -> str:
    time.sleep(after)
    return str(server.ask("GET", "/api/status").json()["last_activity"])


def test_a_kernels_end_is_told_to_the_browser(locked: Server) -> None:
    kernel = locked.kernel()
    kernel.send("execute_request", {"code": "import os; os._exit(1)"})
    states = []
    while "restarting" not in states:
        states.append(kernel.receive()["content"].get("execution_state"))
    kernel.close()


def test_notebooks_are_made_saved_renamed_copied_and_deleted(locked: Server) -> None:
    made = locked.ask("POST", "/api/contents/work", {"type": "notebook"})
    assert made.status_code == 201 and made.json()["path"] == "work/Untitled.ipynb"
    cell = nbformat.v4.new_code_cell("1 + 1", outputs=[nbformat.v4.new_output("stream", text="2")])
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": {"name": KERNEL, "display_name": "P"}})
    model = {"type": "notebook", "format": "json", "content": notebook}
    assert locked.ask("PUT", "/api/contents/work/Untitled.ipynb", model).status_code == 200
    renamed = locked.ask("PATCH", "/api/contents/work/Untitled.ipynb", {"path": "work/analysis.ipynb"})
    assert renamed.json()["name"] == "analysis.ipynb"
    opened = locked.open("work/analysis.ipynb", "content=1&hash=1").json()
    assert opened["content"]["cells"][0]["outputs"] == [{"output_type": "stream", "name": "stdout", "text": "2"}]
    assert opened["content"]["cells"][0]["metadata"] == {"trusted": True}
    assert opened["hash"] == locked.open("work/analysis.ipynb", "content=0&hash=1").json()["hash"]
    copied = locked.ask("POST", "/api/contents/work", {"copy_from": "work/analysis.ipynb"}).json()
    assert copied["path"] == "work/analysis-Copy1.ipynb"
    assert (locked.work / "analysis-Copy1.ipynb").read_bytes() == (locked.work / "analysis.ipynb").read_bytes()
    assert locked.ask("DELETE", "/api/contents/work/analysis-Copy1.ipynb").status_code == 204


def test_texts_and_folders_are_made_and_listed(locked: Server) -> None:
    folder = locked.ask("POST", "/api/contents/work", {"type": "directory"}).json()["path"]
    assert locked.ask("PATCH", f"/api/contents/{folder}", {"path": "work/plots"}).status_code == 200
    text = {"type": "file", "format": "text", "content": "a = 'π'\n"}
    assert locked.ask("PUT", "/api/contents/work/plots/a.py", text).status_code == 201
    assert locked.open("work/plots/a.py").json()["content"] == "a = 'π'\n"
    assert locked.ask("POST", "/api/contents/work/plots", {"type": "file", "ext": ".md"}).status_code == 201
    assert {each["name"] for each in locked.open("work/plots").json()["content"]} == {"a.py", "untitled.md"}
    assert {each["name"] for each in locked.open("").json()["content"]} == {"work", "project"}
    refused = locked.ask("DELETE", "/api/contents/work/plots")
    assert refused.status_code == 409 and "not empty" in refused.json()["message"]


def test_a_checkpoint_brings_the_saved_version_back_and_lies_out_of_reach(locked: Server) -> None:
    (locked.work / "c.py").write_text("saved")
    made = locked.ask("POST", "/api/contents/work/c.py/checkpoints", {})
    assert made.status_code == 201
    (locked.work / "c.py").write_text("changed")
    assert len(locked.ask("GET", "/api/contents/work/c.py/checkpoints").json()) == 1
    assert locked.ask("POST", f"/api/contents/work/c.py/checkpoints/{made.json()['id']}", {}).status_code == 204
    assert (locked.work / "c.py").read_text() == "saved"
    assert not list(locked.root.rglob("*checkpoint*"))
    locked.ask("PATCH", "/api/contents/work/c.py", {"path": "work/d.py"})
    assert len(locked.ask("GET", "/api/contents/work/d.py/checkpoints").json()) == 1
    locked.ask("DELETE", "/api/contents/work/d.py")
    assert locked.ask("GET", "/api/contents/work/d.py/checkpoints").json() == []
    assert locked.ask("POST", "/api/contents/work/c.py/checkpoints/saved", {}).status_code == 404


def test_a_session_is_opened_with_a_notebook_and_found_again(locked: Server) -> None:
    asked = {"path": "work/s.ipynb", "name": "s.ipynb", "type": "notebook", "kernel": {"name": KERNEL}}
    session = locked.ask("POST", "/api/sessions", asked).json()
    assert session["kernel"]["name"] == KERNEL
    assert [each["id"] for each in locked.ask("GET", "/api/sessions").json()] == [session["id"]]
    assert locked.ask("DELETE", f"/api/sessions/{session['id']}").status_code == 204


def test_a_days_bytes_are_on_record(locked: Server) -> None:
    kept = json.loads((locked.folder / "home" / "shown-today.json").read_text())
    assert 0 < kept["bytes"] < 8 << 20
    assert (locked.folder / "home" / "shown-today.json").stat().st_mode & 0o077 == 0
