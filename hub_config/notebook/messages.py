"""What of a kernel's messages crosses to a browser, type by type.

Every message is built anew: its header by the server, its content from the listed parts. A type that is not in the
table does not cross. Each rule has a bare form, too, for when nothing more may be shown: it tells the browser that
work goes on (busy, idle, done, failed), and carries nothing else of the kernel's making. Pure.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hub_config.notebook.outputs import (
    KIB,
    Judged,
    count_in,
    judge_bundle,
    judge_error,
    judge_stream,
    not_shown,
    size_of,
    too_large,
)

Content = Mapping[str, Any]

REQUESTS = (
    "kernel_info_request",
    "execute_request",
    "complete_request",
    "inspect_request",
    "is_complete_request",
    "history_request",
    "comm_info_request",
    "interrupt_request",
    "input_reply",
)
"""What a browser may ask a kernel. Not among them: the debugger, which reads a kernel's memory past every output, and
comms, which only widgets use."""

STATES = frozenset({"busy", "idle", "starting"})
_OUTCOMES = frozenset({"ok", "error", "aborted", "abort"})
_COMPLETENESS = frozenset({"complete", "incomplete", "invalid", "unknown"})
_MOST_REPLY = 64 * KIB
_MOST_HISTORY = 256 * KIB
_VERSION = re.compile(r"\d{1,3}(\.\d{1,3}){1,2}")


@dataclass(frozen=True)
class Rule:
    """How a type crosses.

    `full` judges what the kernel said; `bare` is what crosses once nothing may be shown, or None where nothing does.
    `once` types cross once for each request; an `output` stands in a cell, so a sentence takes its place.
    """

    full: Callable[[Content], Judged]
    bare: Callable[[Content], dict[str, Any]] | None
    once: bool = False
    output: bool = False


def _word(value: Any, known: frozenset[str], otherwise: str) -> str:
    return value if isinstance(value, str) and value in known else otherwise


def _status(content: Content) -> dict[str, Any]:
    return {"execution_state": _word(content.get("execution_state"), STATES, "idle")}


def _execute_input(content: Content) -> dict[str, Any]:
    """The browser knows the code, since it sent it."""
    return {"code": "", "execution_count": count_in(content.get("execution_count")) or 0}


def _outcome(content: Content) -> str:
    return _word(content.get("status"), _OUTCOMES, "error")


def _bare_execute_reply(content: Content) -> dict[str, Any]:
    reply = {"status": _outcome(content), "execution_count": count_in(content.get("execution_count"))}
    if reply["status"] == "ok":
        return reply | {"payload": [], "user_expressions": {}}
    return reply | {"ename": "Error", "evalue": "", "traceback": []}


def _execute_reply(content: Content) -> Judged:
    """The outcome; of payloads, a page of help and the text of a next cell. The error itself is an output."""
    reply = _bare_execute_reply(content)
    if reply["status"] != "ok":
        return Judged(
            reply | {"ename": str(content.get("ename", ""))[:200], "evalue": str(content.get("evalue", ""))[:KIB]}
        )
    payloads = content.get("payload")
    kept = [_payload(each) for each in (payloads if isinstance(payloads, list) else [])[:4]]
    reply["payload"] = [payload for payload in kept if payload is not None]
    if (size := size_of(reply["payload"])) > _MOST_REPLY:
        return Judged(reply | {"payload": []}, (too_large("payload", size, _MOST_REPLY),))
    return Judged(reply)


def _payload(payload: Any) -> dict[str, Any] | None:
    if not isinstance(payload, dict):
        return None
    if payload.get("source") == "set_next_input" and isinstance(payload.get("text"), str):
        return {"source": "set_next_input", "text": payload["text"], "replace": payload.get("replace") is True}
    judged = judge_bundle(payload.get("data"))
    if payload.get("source") == "page" and judged.content is not None:
        return {"source": "page", "data": judged.content["data"], "start": 0}
    return None


def _stream(content: Content) -> Judged:
    return judge_stream(content.get("name"), content.get("text"))


def _display(content: Content) -> Judged:
    judged = judge_bundle(content.get("data"), content.get("metadata"))
    if judged.content is None:
        return judged
    return Judged(judged.content | {"transient": transient(content)}, judged.held)


def transient(content: Content) -> dict[str, str]:
    """The name by which a later message updates this output."""
    given = content.get("transient")
    name = given.get("display_id") if isinstance(given, dict) else None
    return {"display_id": name} if isinstance(name, str) and len(name) <= 64 else {}


def _execute_result(content: Content) -> Judged:
    judged = _display(content)
    if judged.content is None:
        return judged
    return Judged(judged.content | {"execution_count": count_in(content.get("execution_count"))}, judged.held)


def _widget(content: Content) -> Judged:
    return Judged(None, (not_shown("comm", size_of(dict(content))),))


def _clear_output(content: Content) -> Judged:
    return Judged({"wait": content.get("wait") is True})


def _no_completions(_: Content) -> dict[str, Any]:
    return {"status": "ok", "matches": [], "cursor_start": 0, "cursor_end": 0, "metadata": {}}


def _completions(content: Content) -> Judged:
    matches = content.get("matches")
    if not isinstance(matches, list):
        return Judged(_no_completions(content))
    shown = [match for match in matches[:1_000] if isinstance(match, str) and len(match) <= 256]
    place = {name: count_in(content.get(name)) or 0 for name in ("cursor_start", "cursor_end")}
    return _bounded({"status": "ok", "matches": shown, "metadata": {}} | place, _no_completions(content), _MOST_REPLY)


def _nothing_found(_: Content) -> dict[str, Any]:
    return {"status": "ok", "found": False, "data": {}, "metadata": {}}


def _inspection(content: Content) -> Judged:
    judged = judge_bundle(content.get("data"))
    if content.get("found") is not True or judged.content is None:
        return Judged(_nothing_found(content))
    found = {"status": "ok", "found": True, "data": judged.content["data"], "metadata": {}}
    return _bounded(found, _nothing_found(content), _MOST_REPLY)


def _bounded(reply: dict[str, Any], otherwise: dict[str, Any], most: int) -> Judged:
    if (size := size_of(reply)) > most:
        return Judged(otherwise, (too_large("reply", size, most),))
    return Judged(reply)


def _completeness(content: Content) -> dict[str, Any]:
    indent = content.get("indent")
    spaces = indent if isinstance(indent, str) and len(indent) <= 64 and not indent.strip() else ""
    return {"status": _word(content.get("status"), _COMPLETENESS, "unknown"), "indent": spaces}


def _no_history(_: Content) -> dict[str, Any]:
    return {"status": "ok", "history": []}


def _history(content: Content) -> Judged:
    history = content.get("history")
    lines = [_line(each) for each in history[:1_000]] if isinstance(history, list) else []
    kept = [line for line in lines if line is not None]
    return _bounded({"status": "ok", "history": kept}, _no_history(content), _MOST_HISTORY)


def _line(entry: Any) -> list[Any] | None:
    """A line of history: its session, its number, its input (with its output, if that was asked for, left out)."""
    if not isinstance(entry, list) or len(entry) != 3:
        return None
    text = entry[2][0] if isinstance(entry[2], list) and entry[2] else entry[2]
    return [count_in(entry[0]) or 0, count_in(entry[1]) or 0, text] if isinstance(text, str) else None


_PYTHON = {
    "name": "python",
    "mimetype": "text/x-python",
    "file_extension": ".py",
    "pygments_lexer": "ipython3",
    "codemirror_mode": {"name": "ipython", "version": 3},
    "nbconvert_exporter": "python",
}


def _bare_kernel_info(content: Content) -> dict[str, Any]:
    """Constants: the one kernel that a session offers speaks Python."""
    version = content.get("protocol_version")
    known = isinstance(version, str) and _VERSION.fullmatch(version)
    return {
        "status": "ok",
        "protocol_version": version if known else "5.3",
        "implementation": "ipython",
        "implementation_version": "",
        "language_info": _PYTHON | {"version": ""},
        "banner": "",
        "help_links": [],
        "debugger": False,
        "supported_features": [],
    }


def _kernel_info(content: Content) -> Judged:
    info, banner = _bare_kernel_info(content), content.get("banner")
    language = content.get("language_info")
    version = language.get("version") if isinstance(language, dict) else None
    if isinstance(version, str) and _VERSION.fullmatch(version):
        info["language_info"] = _PYTHON | {"version": version}
    return Judged(info | {"banner": banner[: 2 * KIB] if isinstance(banner, str) else ""})


def _bare_input_request(content: Content) -> dict[str, Any]:
    return {"prompt": "", "password": content.get("password") is True}


def _input_request(content: Content) -> Judged:
    prompt = content.get("prompt")
    return Judged(_bare_input_request(content) | {"prompt": prompt[:KIB] if isinstance(prompt, str) else ""})


def _always(bare: Callable[[Content], dict[str, Any]], **facts: Any) -> Rule:
    """A type whose bare form is all that ever crosses."""
    return Rule(lambda content: Judged(bare(content)), bare, once=True, **facts)


RULES: Mapping[tuple[str, str], Rule] = {
    ("iopub", "status"): _always(_status),
    ("iopub", "execute_input"): _always(_execute_input),
    ("iopub", "stream"): Rule(_stream, None, output=True),
    ("iopub", "display_data"): Rule(_display, None, output=True),
    ("iopub", "update_display_data"): Rule(_display, None, output=True),
    ("iopub", "execute_result"): Rule(_execute_result, None, output=True),
    ("iopub", "error"): Rule(judge_error, None, output=True),
    ("iopub", "clear_output"): Rule(_clear_output, None),
    ("iopub", "comm_open"): Rule(_widget, None, output=True),
    ("shell", "execute_reply"): Rule(_execute_reply, _bare_execute_reply, once=True),
    ("shell", "kernel_info_reply"): Rule(_kernel_info, _bare_kernel_info, once=True),
    ("shell", "complete_reply"): Rule(_completions, _no_completions, once=True),
    ("shell", "inspect_reply"): Rule(_inspection, _nothing_found, once=True),
    ("shell", "is_complete_reply"): _always(_completeness),
    ("shell", "history_reply"): Rule(_history, _no_history, once=True),
    ("shell", "comm_info_reply"): _always(lambda _: {"status": "ok", "comms": {}}),
    ("control", "kernel_info_reply"): Rule(_kernel_info, _bare_kernel_info, once=True),
    ("control", "interrupt_reply"): _always(lambda content: {"status": _outcome(content)}),
    ("stdin", "input_request"): Rule(_input_request, _bare_input_request),
}
"""Not among them, so they do not cross: `comm_msg`, `comm_close`, `debug_event`, `debug_reply`, subshells, and
whatever a kernel makes up."""

UNSHOWN = frozenset({("iopub", "iopub_welcome"), ("iopub", "shutdown_reply"), ("control", "shutdown_reply")})
"""What an honest kernel says and no browser needs. It does not cross, and that need not be recorded."""
