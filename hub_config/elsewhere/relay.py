"""Carries calls between the UNIX sockets of a session and the network, byte for byte, where a pod stands between them.

A session's processes know three sockets and no address. In a pod this program, in a container of its own, makes the
two gates' sockets out of two ports of the hub's, and a port for the proxy out of the notebook server's socket. Beside
the hub it runs the other way around. It reads nothing of what it carries and adds nothing to it: who calls is known by
the port, which the network policy opens to one session alone.

    python -m hub_config.elsewhere.relay unix:/run/saferoom/gate/gate.sock=tcp:10.96.0.12:21001 …
"""

import asyncio
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from governance.errors import Invalid

CHUNK = 64 * 1024
MOST_AT_ONCE = 256
"""Connections of one way; further ones wait in the system's queue."""

_TCP = re.compile(r"tcp:(?P<host>[0-9.]+|\[[0-9a-fA-F:]+\]):(?P<port>[0-9]{1,5})")

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class UnknownEnd(Invalid):
    """An end of a way that is neither a UNIX socket nor an address with a port."""


@dataclass(frozen=True)
class End:
    """One end: a UNIX socket's path, or a numeric address and port. No name is ever looked up."""

    socket: Path | None = None
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp:{host}:{self.port}" if self.socket is None else f"unix:{self.socket}"


@dataclass(frozen=True)
class Way:
    """Where calls arrive, and where they are carried."""

    listen: End
    target: End

    def __str__(self) -> str:
        return f"{self.listen}={self.target}"


def way(text: str) -> Way:
    """The way that a word of the command says. Raises `UnknownEnd`."""
    listen, _, target = text.partition("=")
    return Way(_end(listen), _end(target))


def _end(text: str) -> End:
    if text.startswith("unix:/") and "=" not in text:
        return End(socket=Path(text.removeprefix("unix:")))
    found = _TCP.fullmatch(text)
    if found is None or not 0 < int(found["port"]) < 65536:
        raise UnknownEnd(f"“{text[:80]}” is no end of a way: write unix:/PATH or tcp:ADDRESS:PORT, without a name.")
    return End(host=found["host"].strip("[]"), port=int(found["port"]))


async def listen(wanted: Way) -> asyncio.Server:
    """Serve one way. Its socket has mode 600, and stands in place of what an earlier relay left."""
    room = asyncio.Semaphore(MOST_AT_ONCE)

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with room:
            await _carry((reader, writer), wanted.target)

    if wanted.listen.socket is None:
        return await asyncio.start_server(carry, wanted.listen.host, wanted.listen.port, limit=CHUNK)
    wanted.listen.socket.unlink(missing_ok=True)
    mask = os.umask(0o177)
    try:
        return await asyncio.start_unix_server(carry, wanted.listen.socket, limit=CHUNK)
    finally:
        os.umask(mask)


async def _carry(caller: Streams, target: End) -> None:
    """Both directions, until both have ended. A call that cannot be carried is closed."""
    writers = [caller[1]]
    with suppress(OSError):
        called = await _connect(target)
        writers.append(called[1])
        await asyncio.gather(_copy(caller[0], called[1]), _copy(called[0], caller[1]))
    for writer in writers:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _connect(target: End) -> Streams:
    if target.socket is None:
        return await asyncio.open_connection(target.host, target.port, limit=CHUNK)
    return await asyncio.open_unix_connection(target.socket, limit=CHUNK)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(CHUNK):
        writer.write(chunk)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def serve(ways: Sequence[Way]) -> None:
    """Serve all ways until the task is cancelled."""
    servers = [await listen(each) for each in ways]
    await asyncio.gather(*(server.serve_forever() for server in servers))


def main(words: Sequence[str] | None = None) -> int:
    """The program. Status 2 for a way that is none."""
    try:
        ways = [way(word) for word in (sys.argv[1:] if words is None else words)]
    except UnknownEnd as error:
        sys.stderr.write(f"relay: {error.sentence}\n")
        return 2
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(ways))
    return 0


if __name__ == "__main__":
    sys.exit(main())
