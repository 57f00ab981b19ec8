"""A generator that keeps a rate: requests signed beforehand, sent when they are due whether or not earlier ones are answered.

    paced.py HOST:PORT REQUESTS RATE CONNECTIONS

Arrivals are a Poisson process of RATE a second. A request is due at its own moment; it goes out on a connection that waits for
nothing, or, when all wait, on the first that is free again. Its latency runs from when it was due: time spent waiting for a
connection counts, else a slow server would be asked less often just when it is slow. One process on a core of its own looks at
its sockets without sleeping. REQUESTS is the file that wrk.lua reads: "STRIDE COUNT", then requests of one length. The result is
one line of JSON.
"""

from __future__ import annotations

import json
import random
import select
import socket
import sys
import time
from collections import deque
from pathlib import Path
from typing import Final

HEADERS_END: Final = b"\r\n\r\n"
LENGTH: Final = b"content-length: "
SEED: Final = 20261122


class Connection:
    """One kept-alive connection: `due` is when the request it waits for was due, 0 when it waits for nothing."""

    def __init__(self, address: tuple[str, int]) -> None:
        """Connect."""
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.due = 0.0
        self._received = b""

    def answer(self) -> int:
        """Read what came: the status once an answer is whole, else 0."""
        self._received += self.socket.recv(65536)
        head, end, body = self._received.partition(HEADERS_END)
        if not end:
            return 0
        at = head.lower().index(LENGTH) + len(LENGTH)
        if len(body) < int(head[at:].split(b"\r", 1)[0]):
            return 0
        self._received = b""
        return int(head[9:12])


def fire(host: str, requests: list[bytes], rate: float, connections: int) -> dict[str, float]:
    """Send all, wait for all; gives counts, the seconds it took, and latencies in milliseconds."""
    name, _, port = host.partition(":")
    members = [Connection((name, int(port))) for _ in range(connections)]
    poll = select.epoll()
    by_number = {member.socket.fileno(): member for member in members}
    for number in by_number:
        poll.register(number, select.EPOLLIN)
    draw = random.Random(SEED)  # noqa: S311 - the same arrivals in every run
    free, waiting = deque(members), deque[tuple[float, bytes]]()
    latencies: list[float] = []
    refused = 0
    left = iter(requests)
    request = next(left, None)
    began = time.perf_counter()
    due = began
    while request is not None or waiting or len(free) < connections:
        now = time.perf_counter()
        while request is not None and due <= now:
            waiting.append((due, request))
            request, due = next(left, None), due + draw.expovariate(rate)
        while waiting and free:
            member = free.popleft()
            member.due, content = waiting.popleft()
            member.socket.sendall(content)
        for number, _ in poll.poll(0):
            member = by_number[number]
            status = member.answer()
            if status:
                latencies.append(time.perf_counter() - member.due)
                refused += status != 200
                free.append(member)
    seconds = time.perf_counter() - began
    latencies.sort()
    return {
        "requests": len(latencies),
        "refused": refused,
        "seconds": seconds,
        "p50_ms": latencies[len(latencies) // 2] * 1000,
        "p99_ms": latencies[len(latencies) * 99 // 100] * 1000,
        "max_ms": latencies[-1] * 1000,
    }


def main() -> None:
    """Read the file and fire."""
    host, path, rate, connections = sys.argv[1:]
    first, _, rest = Path(path).read_bytes().partition(b"\n")
    stride, count = map(int, first.split())
    requests = [rest[at : at + stride] for at in range(0, stride * count, stride)]
    print(json.dumps(fire(host, requests, float(rate), int(connections))))


if __name__ == "__main__":
    main()
