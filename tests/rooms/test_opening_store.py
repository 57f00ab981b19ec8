"""Opening a database that is not there yet."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from keystead.store import open_store


def test_a_new_file_opened_by_several_at_once(tmp_path: Path) -> None:
    """SQLite refuses one of two that switch a new file to writing ahead together, without waiting: none may hear of it."""

    def one(number: int, together: threading.Barrier) -> None:
        store = open_store(f"sqlite:///{tmp_path / f'{number}.db'}", durable=False)
        together.wait()
        store.ready()
        store.close()

    with ThreadPoolExecutor(6) as pool:
        for number in range(100):
            together = threading.Barrier(6)
            for opened in [pool.submit(one, number, together) for _ in range(6)]:
                opened.result()
