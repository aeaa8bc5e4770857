"""What of a kernel's messages crosses: the whole table, fed with honest and with hostile content."""

import json
from typing import Any

import pytest

from hub_config.notebook.connection import Malformed, Remembered, read_message
from hub_config.notebook.messages import REQUESTS, RULES, UNSHOWN, Rule
from hub_config.notebook.outputs import MOST_TEXT

ROWS = "id,income\n1,20000\n" * 1_000
KINDS = sorted(RULES)

HOSTILE: list[dict[str, Any]] = [
    {},
    *(
        {name: value}
        for value in (ROWS, [ROWS], {"a": ROWS}, 10**30, None, True)
        for name in [
            "execution_state",
            "execution_count",
            "status",
            "code",
            "data",
            "metadata",
            "transient",
            "text",
            "name",
            "ename",
            "evalue",
            "traceback",
            "payload",
            "user_expressions",
            "matches",
            "cursor_start",
            "found",
            "indent",
            "history",
            "banner",
            "language_info",
            "protocol_version",
            "implementation",
            "help_links",
            "supported_features",
            "prompt",
            "password",
            "comms",
            "comm_id",
            "target_name",
            "wait",
            "extra",
        ]
    ),
]
"""Every field of the protocol, filled with what it should not hold."""

BARE_SIZE = 600
"""Bytes that a bare message may have: constants, one of a few words, a number below a million."""


@pytest.mark.parametrize("kind", KINDS)
def test_once_nothing_may_be_shown_no_field_carries_anything(kind: tuple[str, str]) -> None:
    bare = RULES[kind].bare
    if bare is None:
        return
    for content in HOSTILE:
        crossing = json.dumps(bare(content))
        assert "income" not in crossing and "100000000" not in crossing
        assert len(crossing) < BARE_SIZE


@pytest.mark.parametrize("kind", KINDS)
def test_no_field_that_is_not_listed_crosses(kind: tuple[str, str]) -> None:
    crossing = [RULES[kind].full(content | {"smuggled": ROWS}).content for content in HOSTILE]
    assert all("smuggled" not in json.dumps(content) for content in crossing)
    listed = {key for content in crossing if content for key in content}
    assert listed <= LISTED[kind], kind


LISTED: dict[tuple[str, str], set[str]] = {
    ("iopub", "status"): {"execution_state"},
    ("iopub", "execute_input"): {"code", "execution_count"},
    ("iopub", "stream"): {"name", "text"},
    ("iopub", "display_data"): {"data", "metadata", "transient"},
    ("iopub", "update_display_data"): {"data", "metadata", "transient"},
    ("iopub", "execute_result"): {"data", "metadata", "transient", "execution_count"},
    ("iopub", "error"): {"ename", "evalue", "traceback"},
    ("iopub", "clear_output"): {"wait"},
    ("iopub", "comm_open"): set(),
    ("shell", "execute_reply"): {
        "status",
        "execution_count",
        "payload",
        "user_expressions",
        "ename",
        "evalue",
        "traceback",
    },
    ("shell", "complete_reply"): {"status", "matches", "cursor_start", "cursor_end", "metadata"},
    ("shell", "inspect_reply"): {"status", "found", "data", "metadata"},
    ("shell", "is_complete_reply"): {"status", "indent"},
    ("shell", "history_reply"): {"status", "history"},
    ("shell", "comm_info_reply"): {"status", "comms"},
    ("control", "interrupt_reply"): {"status"},
    ("stdin", "input_request"): {"prompt", "password"},
} | {
    (channel, "kernel_info_reply"): {
        "status",
        "protocol_version",
        "implementation",
        "implementation_version",
        "language_info",
        "banner",
        "help_links",
        "debugger",
        "supported_features",
    }
    for channel in ("shell", "control")
}


def test_the_tables_name_the_same_types() -> None:
    assert LISTED.keys() == RULES.keys()
    assert not UNSHOWN & RULES.keys()
    for closed in ("comm_open", "comm_msg", "comm_close", "debug_request", "shutdown_request"):
        assert closed not in REQUESTS


def test_no_state_but_three_crosses() -> None:
    rule = RULES["iopub", "status"]
    for state in ("busy", "idle", "starting"):
        assert rule.full({"execution_state": state}).content == {"execution_state": state}
    assert rule.full({"execution_state": ROWS}).content == {"execution_state": "idle"}


def test_code_does_not_come_back() -> None:
    content = RULES["iopub", "execute_input"].full({"code": ROWS, "execution_count": 3}).content
    assert content == {"code": "", "execution_count": 3}


def test_a_page_of_help_crosses_and_other_payloads_do_not() -> None:
    page = {"source": "page", "data": {"text/plain": "Help on print"}, "start": 0, "rows": ROWS}
    next_input = {"source": "set_next_input", "text": "a = 1", "replace": False}
    hostile = [{"source": "ask_exit"}, {"source": "edit_magic", "filename": ROWS}, "x", None]
    reply = RULES["shell", "execute_reply"].full(
        {"status": "ok", "execution_count": 1, "payload": [page, next_input, *hostile], "user_expressions": {"a": ROWS}}
    )
    assert reply.content == {
        "status": "ok",
        "execution_count": 1,
        "user_expressions": {},
        "payload": [{"source": "page", "data": {"text/plain": "Help on print"}, "start": 0}, next_input],
    }
    large = {"source": "set_next_input", "text": "x" * 70_000}
    judged = RULES["shell", "execute_reply"].full({"status": "ok", "payload": [large]})
    assert judged.content is not None and judged.content["payload"] == [] and judged.held


@pytest.mark.parametrize(
    ("kind", "content", "field", "nothing"),
    [
        (("shell", "complete_reply"), {"matches": ["x" * 256] * 1_000}, "matches", []),
        (("shell", "inspect_reply"), {"found": True, "data": {"text/plain": "x" * 70_000}}, "data", {}),
        (("shell", "history_reply"), {"history": [[1, 1, "x" * 300_000]]}, "history", []),
    ],
)
def test_a_large_reply_is_empty(kind: tuple[str, str], content: Any, field: str, nothing: Any) -> None:
    judged = RULES[kind].full(content)
    assert judged.content is not None and judged.content[field] == nothing
    assert judged.held


def test_completions_are_short_words() -> None:
    judged = RULES["shell", "complete_reply"].full({"matches": ["print", "x" * 257, {"rows": ROWS}, [ROWS]]})
    assert judged.content is not None and judged.content["matches"] == ["print"]


def test_history_holds_inputs_and_no_outputs() -> None:
    history = [[1, 1, "a"], [1, 2, ["b", ROWS]], [1, 2], "x", [ROWS, ROWS, "c"]]
    content = RULES["shell", "history_reply"].full({"history": history}).content
    assert content == {"status": "ok", "history": [[1, 1, "a"], [1, 2, "b"], [0, 0, "c"]]}


def frames(header: Any, content: Any, *buffers: bytes) -> list[bytes]:
    parts = [json.dumps(part).encode() for part in (header, {"msg_id": "1"}, {"rows": ROWS}, content)]
    return [*parts, *buffers]


def test_a_message_is_read_without_its_metadata() -> None:
    message = read_message("iopub", frames({"msg_type": "stream", "rows": ROWS[:100]}, {"text": "a"}))
    assert (message.kind, message.parent, message.content, message.has_buffers) == ("stream", "1", {"text": "a"}, False)
    assert read_message("iopub", frames({"msg_type": "stream"}, {}, b"rows")).has_buffers


def test_a_huge_message_is_measured_and_not_parsed() -> None:
    message = read_message("iopub", frames({"msg_type": "stream"}, {"text": "x" * 5 * MOST_TEXT}))
    assert message.content == {} and message.size > 5 * MOST_TEXT


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [b"{}"] * 3,
        frames({}, {}),
        frames({"msg_type": 5}, {}),
        frames([], {}),
        frames({"msg_type": "stream"}, []),
        frames({"msg_type": "stream", "rows": ROWS}, {}),
        [b'{"msg_type": "stream"}', b"{}", b"{}", b"[" * 100_000],
        [b'{"msg_type": "stream"}', b"{}", b"{}", b"\xff"],
        [b'{"msg_type": "stream"}', b"[" * 8_000, b"{}", b"{}"],
        [b'{"msg_type": "stream"}', b"{}", b"{}", b'{"a": ' + b"1" * 5_000 + b"}"],
    ],
)
def test_what_follows_no_protocol_is_malformed(parts: list[bytes]) -> None:
    with pytest.raises(Malformed):
        read_message("iopub", parts)


def test_the_last_things_are_remembered_once() -> None:
    remembered = Remembered(most=2)
    assert remembered.add("a", 1) and not remembered.add("a", 2)
    assert remembered.get("a") == 1
    assert remembered.add("b") and remembered.add("c")
    assert remembered.get("a") is None


def test_every_reply_crosses_once_for_a_request() -> None:
    assert all(rule.once for (channel, kind), rule in RULES.items() if kind.endswith("_reply"))
    assert isinstance(RULES["iopub", "status"], Rule) and RULES["iopub", "status"].once
