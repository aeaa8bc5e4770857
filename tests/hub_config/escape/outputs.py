"""Attempts by what a kernel says: rows that would reach the browser in a part of a message that nobody looks at.

An attempt succeeds when its mark crosses the web-socket. What may be shown (a text, a table, a plot of bounded size)
may be shown: that is counted, not prevented, and the budget ends it.
"""

import json
from typing import Any, Protocol

from tests.hub_config.escape.attempt import Attempt, Closed, Control, Family, add

MARK = "20190-rows-of-the-microdata"
KNOWN = "each message is built anew by the server, from the parts that its type is known to have"
BOUNDED = "an output has a size at most; a sentence takes the place of a larger one"
TYPES = "outputs are shown as text, tables and images, whose content is looked at"

BEGIN = f"""
MARK, kernel = {MARK!r}, get_ipython().kernel
LARGE = MARK * 40_000
def say(kind, content, metadata=None, buffers=None, parent=None):
    parent = kernel.get_parent() if parent is None else parent
    facts = {{"parent": parent, "metadata": metadata, "buffers": buffers, "ident": b"x"}}
    kernel.session.send(kernel.iopub_socket, kind, content, **facts)
def show(data, metadata=None, **more):
    display(data, metadata=metadata, raw=True, **more)
"""


class Speaker(Protocol):
    """A browser's connection to a kernel."""

    def run(self, code: str, seconds: float = 60) -> list[dict[str, Any]]:
        """Every message that crossed, until the kernel was idle again."""


def _say(name: str, tries: str, code: str, stops: str = KNOWN) -> None:
    def run(kernel: Speaker) -> str:
        crossed = json.dumps([{**message, "buffers": str(message["buffers"])} for message in kernel.run(code)])
        if MARK not in crossed:
            raise Closed(f"{len(crossed)} bytes crossed, without it")
        return f"{crossed.count(MARK)} times"

    add(Attempt(name, Family.OUTPUTS, tries, stops, Control.SERVER, run))


_say("print_much", "Print a whole table in one output.", "print(LARGE)", BOUNDED)
_say("print_much_as_error", "Print it to the stream of errors.", "import sys; print(LARGE, file=sys.stderr)", BOUNDED)
_say("value_of_a_cell", "Let it be the value of a cell.", "LARGE", BOUNDED)
_say("page_of_html", "Show it as HTML.", "show({'text/html': LARGE})", BOUNDED)
_say("drawing", "Hide it in a drawing (SVG).", "show({'image/svg+xml': '<svg>' + LARGE * 2 + '</svg>'})", BOUNDED)
_say("tree", "Show it as a tree (JSON).", "show({'application/json': {'rows': LARGE}})", BOUNDED)
_say("script", "Send a script, which would act in the person's name.", "show({'application/javascript': MARK})", TYPES)
_say("file_as_output", "Send a file as an output.", "show({'text/csv': MARK, 'application/octet-stream': MARK})", TYPES)
_say("made_up_type", "Send an output of a made-up type.", "show({'x/y': MARK})", TYPES)
_say("no_image", "Send rows as an image that is none.", "show({'image/png': MARK, 'image/jpeg': MARK})", TYPES)
_say(
    "chart_with_its_rows",
    "Send a chart that carries its rows.",
    "show({'application/vnd.vegalite.v5+json': {'data': MARK}})",
    TYPES,
)
_say(
    "widget_state",
    "Send the state of widgets.",
    "show({'application/vnd.jupyter.widget-state+json': {'a': MARK}})",
    TYPES,
)
_say("widget_view", "Send a widget.", "show({'application/vnd.jupyter.widget-view+json': {'model_id': MARK}})", TYPES)
_say(
    "metadata_of_an_output",
    "Hide rows in an output's metadata.",
    "show({'text/plain': 'a'}, {'text/plain': {'rows': MARK}})",
)
_say(
    "metadata_of_a_message",
    "Hide rows in a message's metadata.",
    "say('display_data', {'data': {'text/plain': 'a'}, 'metadata': {}}, {'rows': MARK})",
)
_say(
    "buffers",
    "Send rows as binary buffers.",
    "say('display_data', {'data': {'text/plain': 'a'}, 'metadata': {}}, None, [MARK.encode()])",
)
_say("unlisted_field", "Add a field to a message.", "say('stream', {'name': 'stdout', 'text': 'a', 'rows': MARK})")
_say("name_of_a_stream", "Make up the name of a stream.", "say('stream', {'name': MARK, 'text': 'a'})")
_say("state_of_the_kernel", "Tell it as the kernel's state.", "say('status', {'execution_state': MARK})")
_say("echo_of_code", "Echo code that nobody sent.", "say('execute_input', {'code': MARK, 'execution_count': 1})")
_say(
    "comm_opened",
    "Open a comm, as widgets do.",
    "say('comm_open', {'comm_id': '1', 'target_name': 'x', 'data': {'rows': MARK}})",
)
_say("comm_message", "Speak over a comm.", "say('comm_msg', {'comm_id': '1', 'data': {'rows': MARK}})")
_say("comm_closed", "Close a comm, with rows.", "say('comm_close', {'comm_id': '1', 'data': {'rows': MARK}})")
_say("event_of_a_debugger", "Tell it as a debugger's event.", "say('debug_event', {'rows': MARK})")
_say("made_up_message", "Make up a kind of message.", "say('rows', {'rows': MARK})")
_say("made_up_kind", "Make up the name of a kind.", "say(MARK, {})")
_say(
    "parent_of_a_message",
    "Answer a request that nobody made.",
    "say('stream', {'name': 'stdout', 'text': 'a'}, parent={'msg_id': MARK, 'rows': MARK})",
)
_say(
    "name_for_updates",
    "Name an output for later updates.",
    "say('display_data', {'data': {'text/plain': 'a'}, 'metadata': {}, 'transient': {'display_id': MARK * 9}})",
)
_say("clearing_of_outputs", "Clear outputs, with rows.", "say('clear_output', {'wait': False, 'rows': MARK})")
_say(
    "payload_of_a_reply",
    "Add a payload to the reply that says a cell is done.",
    "get_ipython().payload_manager.write_payload({'source': 'edit', 'filename': MARK, 'rows': MARK})",
)
_say(
    "page_of_help",
    "Show it as a page of help.",
    "get_ipython().payload_manager.write_payload({'source': 'page', 'data': {'text/plain': LARGE}})",
    BOUNDED,
)
_say("next_cell", "Write it into the next cell.", "get_ipython().set_next_input(LARGE)", BOUNDED)
