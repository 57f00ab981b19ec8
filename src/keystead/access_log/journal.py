"""The journal: an append-only file a worker, written in groups, each group durable (fdatasync) before its calls are answered.

File: `KSJ1` then frames. One frame a group:

    field    bytes  meaning
    length   4      big-endian length of the payload, at most FRAME_BYTES_MAX
    crc      4      CRC-32 of the payload, big-endian
    payload  n      records, one JSON object a line

A process killed while writing leaves at most one torn frame, at the end of its file: `recover` moves it aside at the next
start. No call recorded in it was answered. A file is never appended to by a second process. A group that could not be written
(a full disk) is taken back off the file before the next one, or the frames after it could never be read.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import shutil
import struct
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from keystead.access_log.model import Record, encoded_lines

MAGIC: Final = b"KSJ1"
FRAME_BYTES_MAX: Final = 64 * 1024 * 1024
_HEAD: Final = struct.Struct(">II")

Observer = Callable[[list[Record]], None]
log = logging.getLogger("keystead.access_log")


class Group:
    """Records that become durable together; `future` is one shared future for all calls of the group."""

    __slots__ = ("_future", "_lock", "_waiting", "error", "finished", "notes", "records")

    def __init__(self) -> None:
        """Begin an empty group."""
        self.records: list[Record] = []
        self.notes: list[Record] = []
        self.finished = False
        self.error: OSError | None = None
        self._future: asyncio.Future[None] | None = None
        self._waiting: list[asyncio.Future[None]] = []
        self._lock = threading.Lock()

    def future(self, loop: asyncio.AbstractEventLoop) -> asyncio.Future[None]:
        """Give the future that resolves once the group is durable, or fails with the OSError that prevented it."""
        future = self._future
        if future is not None:
            return future
        with self._lock:
            future = self._future = loop.create_future()
            if self.finished:
                self._resolve()
        return future

    def wake(self, waiting: asyncio.Future[None]) -> None:
        """Resolve a future as `future` would be; called from any thread, which need not wake the loop for that."""
        with self._lock:
            self._waiting.append(waiting)
            if self.finished:
                waiting.get_loop().call_soon_threadsafe(self._resolve)

    def finish(self, error: OSError | None) -> None:
        """Wake every waiter; called once, by the writer thread."""
        with self._lock:
            self.finished, self.error = True, error
            first = self._future or (self._waiting[0] if self._waiting else None)
            if first is not None:
                first.get_loop().call_soon_threadsafe(self._resolve)

    def _resolve(self) -> None:
        for future in (self._future, *self._waiting):
            if future is not None and not future.done():
                if self.error is None:
                    future.set_result(None)
                else:
                    future.set_exception(self.error)


class Journal:
    """One worker's journal: `append` from any thread; a writer thread takes what has gathered, group by group."""

    def __init__(self, folder: Path, name: str, *, echo: bool = False) -> None:
        """Create the file `<folder>/<name>.journal` (it must not exist); `echo` repeats each line on stderr."""
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{name}.journal"
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        _write_all(self._file, MAGIC)
        os.fsync(self._file)
        self._end = len(MAGIC)
        self._broken = False
        directory = os.open(folder, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)
        self._echo = echo
        self._lock = threading.Lock()
        self._gathering = Group()
        self._work = threading.Event()
        self._closing = False
        self.observer: Observer | None = None
        self.groups_written = 0
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def append(self, record: Record) -> Group:
        """Add a record to the gathering group; the record must not be changed afterwards."""
        with self._lock:
            group = self._gathering
            group.records.append(record)
            if len(group.records) == 1:
                self._work.set()
        return group

    def note(self, record: Record) -> None:
        """Pass on a record that is durable elsewhere already, for the request log and the metrics only."""
        with self._lock:
            self._gathering.notes.append(record)
            self._work.set()

    def close(self) -> None:
        """Write what waits and close the file; one that no record came to is taken away."""
        self._closing = True
        self._work.set()
        self._thread.join()
        os.close(self._file)
        if not self.groups_written:
            self.path.unlink(missing_ok=True)

    def _run(self) -> None:
        while True:
            self._work.wait()
            with self._lock:
                self._work.clear()
                group, self._gathering = self._gathering, Group()
            if group.records or group.notes:
                self._write(group)
            if self._closing and not self._gathering.records:
                return

    def _write(self, group: Group) -> None:
        failure: OSError | None = None
        if group.records:
            try:
                self._append_frame(encoded_lines(group.records))
            except OSError as error:
                failure = error
            except Exception as error:  # noqa: BLE001 - whatever it is, this thread must live and the calls must hear of it
                failure = OSError(errno.EIO, f"records could not be encoded: {error}")
        try:
            group.finish(failure)
            self._tell(group.records + group.notes)
        except Exception:
            log.exception("the records of a group are written, but could not be passed on")

    def _append_frame(self, payload: bytes) -> None:
        if self._broken:
            raise OSError(errno.EIO, "an earlier group could not be made durable")
        frame = _HEAD.pack(len(payload), zlib.crc32(payload)) + payload
        self._broken = True  # until the file is known to end with a whole frame again
        try:
            _write_all(self._file, frame)
        except OSError:
            os.ftruncate(self._file, self._end)
            self._broken = False
            raise
        os.fdatasync(self._file)  # once this has failed, a later success says nothing about the bytes of before
        self._broken = False
        self._end += len(frame)
        self.groups_written += 1

    def _tell(self, records: list[Record]) -> None:
        if self.observer is not None:
            self.observer(records)
        if self._echo:
            sys.stderr.buffer.write(encoded_lines(records))
            sys.stderr.buffer.flush()


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def frames(path: Path, after: int = 0) -> Iterator[tuple[int, bytes]]:
    """Give (end offset, payload) of each whole frame, but those up to offset `after`; stops at the first that is torn."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            return
        file.seek(max(after, len(MAGIC)))
        while True:
            head = file.read(_HEAD.size)
            if len(head) < _HEAD.size:
                return
            length, crc = _HEAD.unpack(head)
            if not 0 < length <= FRAME_BYTES_MAX:
                return
            payload = file.read(length)
            if len(payload) < length or zlib.crc32(payload) != crc:
                return
            yield file.tell(), payload


def lines(path: Path) -> Iterator[bytes]:
    """Give every whole record of a journal file as JSON bytes."""
    for _, payload in frames(path):
        yield from payload.splitlines()


def recover(folder: Path) -> int:
    """Move torn tails of the files that killed processes left to `<file>.torn`; gives how many bytes. Only before workers start.

    Moved, not thrown away: should a disk have damaged a frame in the middle, the whole ones behind it are still there.
    """
    cut = 0
    for path in sorted(folder.glob("*.journal")):
        end = max((offset for offset, _ in frames(path)), default=len(MAGIC))
        size = path.stat().st_size
        if size > end:
            with path.open("r+b") as file, path.with_suffix(".torn").open("ab") as aside:
                file.seek(end)
                shutil.copyfileobj(file, aside)
                aside.flush()
                os.fsync(aside.fileno())
                file.truncate(end)
            cut += size - end
    return cut
