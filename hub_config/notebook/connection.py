"""The web-socket between a browser and a kernel: what the kernel says crosses by the table in `messages`, or not."""

import json
import uuid
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from weakref import WeakKeyDictionary

from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1, serialize_msg_to_ws_v1
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from tornado.websocket import WebSocketClosedError

from hub_config.notebook.messages import REQUESTS, RULES, UNSHOWN, Rule, transient
from hub_config.notebook.outputs import KIB, MOST_IMAGE, HeldBack, not_shown, too_large
from hub_config.notebook.recorder import ENDED
from hub_config.notebook.way_out import WayOut, way_out_of

V1 = "v1.kernel.websocket.jupyter.org"
VERSION = "5.4"

_LARGEST_HEADER = 8 * KIB
_LARGEST_CONTENT = 2 * MOST_IMAGE
_REQUESTS_KEPT = 10_000
LONGEST_REASON = 190
_TOO_FAST = HeldBack(
    "flood",
    0,
    "Saferoom leaves out output that comes faster than a person reads. The cell goes on; print less often.",
)


class Malformed(Exception):
    """A message that does not follow Jupyter's protocol. It is dropped."""


@dataclass(frozen=True)
class Message:
    """A message of a kernel, read as far as it is safe to. `content` is empty where it is too large to be read."""

    channel: str
    kind: str
    parent: str
    content: Mapping[str, Any]
    size: int
    has_buffers: bool


def read_message(channel: str, parts: list[Any]) -> Message:
    """A message from its frames (header, parent, metadata, content, buffers). Raises `Malformed`."""
    frames = [bytes(part) for part in parts]
    if len(frames) < 4 or any(len(frame) > _LARGEST_HEADER for frame in frames[:2]):
        raise Malformed
    header, parent = _json_object(frames[0]), _json_object(frames[1])
    kind, size = header.get("msg_type"), sum(len(frame) for frame in frames[3:])
    if not isinstance(kind, str):
        raise Malformed
    content = _json_object(frames[3]) if size <= _LARGEST_CONTENT else {}
    return Message(channel, kind, str(parent.get("msg_id", "")), content, size, len(frames) > 4)


def _json_object(frame: bytes) -> dict[str, Any]:
    try:
        value = json.loads(frame)
    except (ValueError, RecursionError):
        raise Malformed from None
    if not isinstance(value, dict):
        raise Malformed
    return value


class Remembered:
    """The last things that happened, so that each happens once."""

    def __init__(self, most: int = _REQUESTS_KEPT) -> None:
        self._most = most
        self._things: OrderedDict[Hashable, Any] = OrderedDict()

    def add(self, thing: Hashable, value: Any = True) -> bool:
        """Whether this is new."""
        if thing in self._things:
            return False
        self._things[thing] = value
        if len(self._things) > self._most:
            self._things.popitem(last=False)
        return True

    def last(self, kind: str) -> str:
        """The id of the last request of a kind; empty if there was none."""
        headers = (header for header in reversed(self._things.values()) if isinstance(header, dict))
        return next((str(header["msg_id"]) for header in headers if header.get("msg_type") == kind), "")

    def get(self, thing: Hashable) -> Any:
        return self._things.get(thing)


_requests: "WeakKeyDictionary[Any, Remembered]" = WeakKeyDictionary()
"""For each kernel, the headers of what browsers asked: all that an answer may name as its parent."""


class LockedConnection(ZMQChannelsWebsocketConnection):
    """Passes requests of the listed types to the kernel, and to the browser what `RULES` and the budget let through."""

    def __init__(self, **facts: Any) -> None:
        super().__init__(**facts)
        self._once = Remembered()
        self._noticed = Remembered()
        self._way_out: WayOut = way_out_of(self.websocket_handler.settings)

    @property
    def requests(self) -> Remembered:
        return _requests.setdefault(self.kernel_manager, Remembered())

    # ---------------------------------------------------------------------------------- from the browser

    def handle_incoming_message(self, incoming_msg: Any) -> None:
        """Pass a request on, if it is whole and of a listed type. Anything else is dropped."""
        try:
            header = self._header_of(incoming_msg)
        except (Malformed, ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError):
            self.log.warning("A malformed message from the browser was dropped.")
            return
        if header.get("msg_type") not in REQUESTS or not isinstance(header.get("msg_id"), str):
            self.log.warning("A message of a closed type from the browser was dropped.")
            return
        self.requests.add(header["msg_id"], header)
        super().handle_incoming_message(incoming_msg)

    def _header_of(self, message: Any) -> dict[str, Any]:
        if self.subprotocol != V1:
            return dict(json.loads(message)["header"])
        _, frames = deserialize_msg_from_ws_v1(message)  # type: ignore[no-untyped-call]
        if len(frames) != 4:
            raise Malformed
        return _json_object(frames[0])

    def _finish_kernel_info(self, info: Any) -> None:  # noqa: ARG002 - not used is the point
        """What a kernel says of its protocol changes nothing here."""
        super()._finish_kernel_info({})  # type: ignore[no-untyped-call]

    # ---------------------------------------------------------------------------------- to the browser

    def handle_outgoing_message(self, stream: Any, outgoing_msg: list[Any]) -> None:
        """Let a kernel's message cross as its rule says. What follows no protocol is dropped."""
        channel = stream if isinstance(stream, str) else getattr(stream, "channel", "")
        try:
            _, frames = self.session.feed_identities(outgoing_msg)
            message = read_message(channel, frames[1:])
        except (Malformed, ValueError, TypeError, IndexError):
            self.log.warning("A malformed message of a kernel was dropped.")
            return
        rule = RULES.get((channel, message.kind))
        if rule is None:
            self._drop(message)
        elif self._is_first(rule, message) and not self._is_flood(message, frames[1:]):
            self._pass(rule, message)

    def _drop(self, message: Message) -> None:
        if (message.channel, message.kind) not in UNSHOWN:
            self._way_out.held_back([not_shown("message type", message.size)])

    def _is_first(self, rule: Rule, message: Message) -> bool:
        """Whether a message answers something a browser asked, and is not the second answer of a kind."""
        if self.requests.get(message.parent) is None:
            return message.kind not in ("status", "execute_input") and not rule.once
        state = str(message.content.get("execution_state"))[:10] if message.kind == "status" else ""
        return not rule.once or self._once.add((message.parent, message.channel, message.kind, state))

    def _is_flood(self, message: Message, frames: list[Any]) -> bool:
        read = {
            "header": {"msg_type": message.kind},
            "parent_header": {"msg_id": message.parent},
            "content": dict(message.content),
        }
        return bool(self._limit_rate(message.channel, read, frames))  # type: ignore[no-untyped-call]

    def write_stderr(self, error_message: str, parent_header: Any) -> None:  # noqa: ARG002 - it names settings
        """Said once for each cell that prints too fast."""
        self._way_out.held_back([_TOO_FAST])
        self._notice(str(parent_header.get("msg_id", "")), _TOO_FAST.kind, _TOO_FAST.sentence)

    def _pass(self, rule: Rule, message: Message) -> None:
        if message.has_buffers or message.size > _LARGEST_CONTENT:
            self._hold(rule, message, _unread(message))
            return
        judged = rule.full(message.content)
        self._way_out.held_back(judged.held)
        if judged.content is None:
            self._hold(rule, message, judged.held[0])
            return
        if rule.bare is not None and judged.content == rule.bare(message.content):
            self._send(message, judged.content)
        elif (reason := self._send_if_room(message, judged.content)) is not None:
            self._send_bare(rule, message)
            self._notice(message.parent, "refused", reason, output=rule.output)

    def _hold(self, rule: Rule, message: Message, reason: HeldBack) -> None:
        if message.has_buffers or message.size > _LARGEST_CONTENT:
            self._way_out.held_back([reason])
        self._send_bare(rule, message)
        if message.kind == "update_display_data":
            update = {"data": {"text/plain": reason.sentence}, "metadata": {}, "transient": transient(message.content)}
            self._send_if_room(message, update)
        else:
            self._notice(message.parent, reason.kind, reason.sentence, output=rule.output)

    def _send_bare(self, rule: Rule, message: Message) -> None:
        if rule.bare is not None:
            self._send(message, rule.bare(message.content))

    def _notice(self, parent: str, kind: str, sentence: str, *, output: bool = True) -> None:
        """Say a sentence where the output would stand, once for each request and kind."""
        if output and self._noticed.add((parent, kind)):
            content = {"data": {"text/plain": sentence}, "metadata": {}, "transient": {}}
            self._write("iopub", "display_data", parent, content)

    def _send(self, message: Message, content: Mapping[str, Any]) -> None:
        self._write(message.channel, message.kind, message.parent, content)

    def _send_if_room(self, message: Message, content: Mapping[str, Any]) -> str | None:
        """Send, unless the way out is closed; then the sentence that says why."""
        frame = self._frame(message.channel, message.kind, message.parent, content)
        reason = self._way_out.why_not(len(frame))
        if reason is None:
            self._write_frame(frame)
        return reason

    def _write(self, channel: str, kind: str, parent: str, content: Mapping[str, Any]) -> None:
        """Send what crosses in any case, and count it."""
        frame = self._frame(channel, kind, parent, content)
        if self._way_out.budget.count(len(frame)):
            self._write_frame(frame)

    def _frame(self, channel: str, kind: str, parent: str, content: Mapping[str, Any]) -> bytes:
        """A message with a header of the server's own, in the protocol that the browser speaks."""
        header = {
            "msg_id": uuid.uuid4().hex,
            "msg_type": kind,
            "username": "kernel",
            "session": "saferoom",
            "date": datetime.now(UTC).isoformat(),
            "version": VERSION,
        }
        message = {
            "header": header,
            "parent_header": self.requests.get(parent) or {},
            "metadata": {},
            "content": content,
        }
        if self.subprotocol == V1:
            return bytes(serialize_msg_to_ws_v1(message, channel, _packed))  # type: ignore[no-untyped-call]
        return _packed(message | {"channel": channel, "buffers": [], "msg_id": header["msg_id"], "msg_type": kind})

    def _write_frame(self, frame: bytes) -> None:
        try:
            if self.subprotocol == V1:
                self.write_message(frame, binary=True)
            else:
                self.write_message(frame.decode())
        except WebSocketClosedError:
            self.log.info("The browser closed its connection to the kernel.")

    def on_kernel_restarted(self) -> None:
        """Say below the cell that ran last why its kernel ended, then that another one starts."""
        self._say_why_it_ended()
        super().on_kernel_restarted()  # type: ignore[no-untyped-call]

    def on_restart_failed(self) -> None:
        """The same, where no other one starts."""
        self._say_why_it_ended()
        super().on_restart_failed()  # type: ignore[no-untyped-call]

    def _say_why_it_ended(self) -> None:
        reason = getattr(self.kernel_manager.provisioner, "ended", None)
        if reason is not None:
            self._way_out.recorder.note(ENDED, "kernel", reason=reason[:LONGEST_REASON])
            self._notice(self.requests.last("execute_request"), "ended", reason)

    def _send_status_message(self, status: str) -> None:
        """The server's own word on a kernel that restarts or is dead."""
        iopub = self.channels.get("iopub")
        if iopub and not iopub.closed():
            iopub.flush()
        self._write("iopub", "status", "", {"execution_state": status})


def _packed(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _unread(message: Message) -> HeldBack:
    """Why a message was not even read."""
    if message.size > _LARGEST_CONTENT:
        return too_large("message", message.size, MOST_IMAGE)
    return not_shown("buffers", message.size)
