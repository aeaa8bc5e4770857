"""Tells the audit chain what was held back, over the hub's gate.

The same kind of event is told at most once a minute, with the number of times since. While an event cannot be told,
`failing` is true: nothing that would have to be recorded may cross, so outputs are held back until it is.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import httpx

SECONDS_BETWEEN = 60.0
SECONDS_TO_ANSWER = 10.0
SECONDS_BETWEEN_TRIES = 2.0

BUDGET_USED = "output.budget_used"
HELD_BACK = "output.held_back"
ENDED = "kernel.ended"


class Recorder:
    """Posts events to `/events` on the UNIX socket `socket`. To be used from one event loop."""

    def __init__(self, socket: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.socket = socket
        self._untold: set[int] = set()
        self._clock = clock
        self._told: dict[tuple[str, str], float] = {}
        self._times: Counter[tuple[str, str]] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def failing(self) -> bool:
        return bool(self._untold)

    @property
    def busy(self) -> bool:
        """Whether an event is on its way."""
        return bool(self._tasks)

    async def close(self) -> None:
        """Give up on what could not be told."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def note(self, action: str, kind: str, **detail: str) -> None:
        """Tell of an event, unless one of its kind was told within the last minute."""
        key = (action, kind)
        self._times[key] += 1
        if self._clock() - self._told.get(key, float("-inf")) < SECONDS_BETWEEN:
            return
        self._told[key] = self._clock()
        event = {"action": action, "detail": {"kind": kind, "times": str(self._times.pop(key)), **detail}}
        task = asyncio.get_running_loop().create_task(self._tell(event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self, event: Mapping[str, Any]) -> None:
        """Post until it is taken. Events are few, so those that wait are, too."""
        while not await self._post(event):
            self._untold.add(id(event))
            await asyncio.sleep(SECONDS_BETWEEN_TRIES)
        self._untold.discard(id(event))

    async def _post(self, event: Mapping[str, Any]) -> bool:
        transport = httpx.AsyncHTTPTransport(uds=self.socket)
        try:
            async with httpx.AsyncClient(transport=transport, timeout=SECONDS_TO_ANSWER, trust_env=False) as client:
                answer = await client.post("http://hub/events", json=event)
        except httpx.HTTPError:
            return False
        return answer.status_code == 204
