"""How many audit events a second `saferoom audit verify` verifies, how that grows, and what a view costs a page.

    .venv/bin/python -m benchmarks.queue.audit [EVENTS …]

CPU seconds of this process, the best of three; the events are as the queue leaves them. `--postgresql URL` measures an
empty database of that kind, too (its server's own time is not in it).
"""

import argparse
import json
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import Engine, insert

from governance import audit
from governance.audit import GENESIS, AuditEvent, event_hash
from governance.database import Base, now, open_database, reading
from governance.views import View, Views

EVENTS = (25_000, 50_000, 100_000, 200_000)
DETAIL = {"turn": 1, "vote": "approve", "content": "c" * 64}
BATCH = 5_000
LOOKS, PEOPLE = 200, 8


def fill(engine: Engine, number: int) -> None:
    """A chain of so many votes, without one transaction for each."""
    Base.metadata.create_all(engine)
    previous = GENESIS
    for first in range(1, number + 1, BATCH):
        rows = []
        for sequence in range(first, min(first + BATCH, number + 1)):
            event = AuditEvent(
                sequence=sequence,
                at=now(),
                actor=f"checker-{sequence % 7}",
                action="request.voted",
                subject=f"request:r-{sequence // 10:012x}",
                detail=DETAIL,
                previous_hash=previous,
            )
            previous = event.hash = event_hash(event)
            rows.append({column.key: getattr(event, column.key) for column in AuditEvent.__table__.columns})
        with engine.begin() as connection:
            connection.execute(insert(AuditEvent), rows)


def seconds(engine: Engine, number: int) -> float:
    """CPU seconds of one verification."""
    with reading(engine) as session:
        begun = time.process_time()
        assert audit.verify(session) == number
        return time.process_time() - begun


def measured(url: str, number: int) -> dict[str, object]:
    engine = open_database(url)
    fill(engine, number)
    best = min(seconds(engine, number) for _ in range(3))
    engine.dispose()
    return {
        "database": engine.dialect.name,
        "events": number,
        "seconds": round(best, 3),
        "a second": round(number / best),
    }


def view_costs(url: str, number: int) -> dict[str, object]:
    """Milliseconds of one recorded view at the end of a chain, by one person and by eight who look at once."""
    engine = open_database(url)
    fill(engine, number)
    views = Views(engine)

    def look(times: int) -> None:
        for each in range(times):
            views.record(View("checker-1", "request.viewed", f"request:r-{each % 50:012x}", DETAIL))

    look(1)
    cpu, clock = time.process_time(), time.perf_counter()
    look(LOOKS)
    alone = {"cpu": time.process_time() - cpu, "clock": time.perf_counter() - clock}
    cpu, clock = time.process_time(), time.perf_counter()
    with ThreadPoolExecutor(PEOPLE) as people:
        list(people.map(look, [LOOKS] * PEOPLE))
    together = {"cpu": time.process_time() - cpu, "clock": time.perf_counter() - clock}
    engine.dispose()
    return {
        "database": engine.dialect.name,
        "events": number,
        "a view alone, ms": {each: round(1000 * value / LOOKS, 2) for each, value in alone.items()},
        "of eight at once, ms": {each: round(1000 * value / LOOKS / PEOPLE, 2) for each, value in together.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("events", type=int, nargs="*", default=EVENTS)
    parser.add_argument("--postgresql", metavar="URL")
    given = parser.parse_args()
    for number in given.events:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measured(f"sqlite:///{Path(folder)}/register.sqlite", number)), flush=True)
            print(json.dumps(view_costs(f"sqlite:///{Path(folder)}/views.sqlite", number)), flush=True)
    if given.postgresql:
        print(json.dumps(measured(given.postgresql, min(given.events))))


if __name__ == "__main__":
    main()
