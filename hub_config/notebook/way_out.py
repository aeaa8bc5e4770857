"""The one place that decides whether more may cross to the browser: the day's budget, and whether it is recorded."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hub_config.notebook.budget import Budget
from hub_config.notebook.outputs import KIB, HeldBack
from hub_config.notebook.recorder import BUDGET_USED, HELD_BACK, Recorder

SETTING = "saferoom_way_out"
"""Where the notebook server's settings hold the `WayOut`."""

NOT_RECORDED = (
    "Saferoom holds back outputs, because what was held back before could not be recorded. Your cells still run and "
    "your files are saved; wait a minute and run the cell again, and tell the operator if it stays."
)


PAUSED = (
    "Saferoom has shown all that a session may show in a day, with the reserve for its answers, so this session pauses "
    "until 00:00 UTC. Your files are kept. Ask the operator if your work needs more."
)


@dataclass(frozen=True)
class WayOut:
    budget: Budget
    recorder: Recorder

    def why_not(self, size: int) -> str | None:
        """None if `size` bytes may cross (they are counted then), or the sentence that says why not."""
        if self.recorder.failing:
            return NOT_RECORDED
        if self.budget.take(size):
            return None
        self.recorder.note(BUDGET_USED, "budget", bytes_a_day=str(self.budget.bytes_a_day))
        return self.used_up_sentence

    @property
    def used_up_sentence(self) -> str:
        amount = self.budget.bytes_a_day // (1024 * KIB)
        return (
            f"Saferoom shows no more output today: the {amount:,} MiB that a session may show in a day are used up. "
            "Your cells still run, your files are saved, and statistics can be requested for release; outputs are "
            "shown again from 00:00 UTC. Ask the operator if your work needs more."
        )

    def held_back(self, reasons: Iterable[HeldBack]) -> None:
        """Record what was held back; its kind and size, never what it was."""
        for reason in reasons:
            self.recorder.note(HELD_BACK, reason.kind, bytes=str(reason.size))


def way_out_of(settings: dict[str, Any]) -> WayOut:
    """The server's `WayOut`. Raises RuntimeError where the lock was not loaded, so that nothing crosses then."""
    found = settings.get(SETTING)
    if not isinstance(found, WayOut):
        raise RuntimeError(  # noqa: TRY004 - not a wrong type, a lock that is not there
            "The notebook server runs without its lock, so it shows nothing. Start the session again."
        )
    return found
