"""The journal: what was answered is in the file, whole, whatever happens to the process, the disk or a bit."""

import asyncio
import json
import os
import random
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from keystead.access_log.journal import MAGIC, Group, Journal, frames, lines, recover
from keystead.access_log.model import Record

HEAD_BYTES = 8  # length and CRC


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A new journal."""
    opened = Journal(tmp_path / "journal", "worker")
    yield opened
    opened.close()


def record(number: int, message: str = "") -> Record:
    """A record known by its request id."""
    return Record(request_id=f"r{number}", error_message=message)


def settle(*groups: Group) -> list[BaseException | None]:
    """Wait until the groups are durable; gives what each failed with."""

    async def wait() -> list[BaseException | None]:
        loop = asyncio.get_running_loop()
        return await asyncio.gather(*(group.future(loop) for group in groups), return_exceptions=True)

    return asyncio.run(wait())


def ids(path: Path) -> list[str]:
    """The request ids in a file, in order."""
    return [json.loads(line)["request_id"] for line in lines(path)]


def three_frames(folder: Path) -> tuple[Path, list[int]]:
    """A file of three frames of two records each, and where each ends."""
    journal = Journal(folder, "three")
    for number in (0, 2, 4):
        settle(*[journal.append(record(number)), journal.append(record(number + 1))])
    journal.close()
    ends = [end for end, _ in frames(journal.path)]
    return journal.path, ends


# ---------------------------------------------------------------- durable before the answer


def test_a_record_is_in_the_file_before_its_call_goes_on(journal: Journal) -> None:
    """Whoever has awaited the group finds the record, read by another handle; 200 callers at once."""

    async def call(number: int) -> None:
        await journal.append(record(number)).future(asyncio.get_running_loop())
        assert f"r{number}" in ids(journal.path)

    async def calls() -> None:
        await asyncio.gather(*(call(number) for number in range(200)))

    asyncio.run(calls())
    assert sorted(ids(journal.path)) == sorted(f"r{number}" for number in range(200))


def test_a_thread_may_have_a_future_resolved_that_the_loop_waits_for(journal: Journal) -> None:
    """Before and after the group is durable alike: 50 futures handed over by threads, each resolved with its record on file."""

    async def calls() -> None:
        loop = asyncio.get_running_loop()
        waiting = [loop.create_future() for _ in range(50)]

        def call(number: int) -> None:
            group = journal.append(record(number))
            if number % 2:
                while not group.finished:
                    pass
            group.wake(waiting[number])

        await asyncio.gather(*(asyncio.to_thread(call, number) for number in range(50)), *waiting)

    asyncio.run(asyncio.wait_for(calls(), 20))
    assert sorted(ids(journal.path)) == sorted(f"r{number}" for number in range(50))


def test_many_records_share_one_group(journal: Journal) -> None:
    """200 records appended together take far fewer groups than 200, or the disk would set the pace."""
    settle(*[journal.append(record(number)) for number in range(200)])
    assert 1 <= journal.groups_written < 100
    assert ids(journal.path) == [f"r{number}" for number in range(200)]


def test_a_group_that_is_durable_already_resolves_at_once(journal: Journal) -> None:
    """Asking for the future after the writing is as good as before."""
    group = journal.append(record(1))
    while not group.finished:
        time.sleep(0.001)
    assert settle(group) == [None]


def test_a_note_is_passed_on_but_not_written(tmp_path: Path) -> None:
    """What is durable elsewhere is for the observer only."""
    journal, seen = Journal(tmp_path, "w"), list[str]()
    journal.observer = lambda records: seen.extend(record.request_id for record in records)
    journal.note(record(1))
    settle(journal.append(record(2)))
    journal.close()
    assert ids(journal.path) == ["r2"]
    assert sorted(seen) == ["r1", "r2"]


def test_closing_writes_what_waits(tmp_path: Path) -> None:
    """An orderly stop loses nothing."""
    journal = Journal(tmp_path, "w")
    for number in range(50):
        journal.append(record(number))
    journal.close()
    assert len(ids(journal.path)) == 50


def test_a_file_has_one_writer(journal: Journal) -> None:
    """A second process cannot open it for writing."""
    with pytest.raises(FileExistsError):
        Journal(journal.path.parent, "worker")


# ---------------------------------------------------------------- torn and damaged files


def test_a_tail_torn_at_any_byte_is_moved_aside(tmp_path: Path) -> None:
    """Cut at every offset within the last frame: the whole frames stay, the rest is kept beside it, a second run finds none."""
    path, ends = three_frames(tmp_path / "whole")
    whole = path.read_bytes()
    assert ends[-1] == len(whole)
    for cut in range(ends[1], ends[2]):
        folder = tmp_path / f"cut{cut}"
        folder.mkdir()
        torn = folder / "w.journal"
        torn.write_bytes(whole[:cut])
        assert ids(torn) == ["r0", "r1", "r2", "r3"]
        assert recover(folder) == cut - ends[1]
        assert torn.read_bytes() == whole[: ends[1]]
        if cut > ends[1]:
            assert (folder / "w.torn").read_bytes() == whole[ends[1] : cut]
        assert recover(folder) == 0


@pytest.mark.parametrize("size", range(len(MAGIC) + 1))
def test_a_file_torn_before_its_first_frame(tmp_path: Path, size: int) -> None:
    """A process killed while it made the file leaves no record and no trouble."""
    (tmp_path / "w.journal").write_bytes(MAGIC[:size])
    assert recover(tmp_path) == 0
    assert ids(tmp_path / "w.journal") == []


def test_a_tail_of_noughts_is_no_frame(tmp_path: Path) -> None:
    """A machine that lost power may leave the file long but empty at its end."""
    path, ends = three_frames(tmp_path)
    with path.open("ab") as file:
        file.write(bytes(100))
    assert ids(path) == ["r0", "r1", "r2", "r3", "r4", "r5"]
    assert recover(tmp_path) == 100
    assert path.stat().st_size == ends[-1]


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    """Each bit of the middle frame in turn: reading ends before it; no altered record is ever given."""
    path, ends = three_frames(tmp_path)
    whole = path.read_bytes()
    for at in range(ends[0], ends[1]):
        for bit in range(8):
            changed = bytearray(whole)
            changed[at] ^= 1 << bit
            path.write_bytes(changed)
            assert ids(path) == ["r0", "r1"], (at, bit)


def test_recovery_throws_nothing_away(tmp_path: Path) -> None:
    """A frame damaged in the middle hides the whole ones behind it: they are kept in the file beside."""
    path, ends = three_frames(tmp_path)
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[ends[0] + HEAD_BYTES] ^= 1
    path.write_bytes(damaged)
    assert recover(tmp_path) == len(whole) - ends[0]
    assert path.read_bytes() + path.with_suffix(".torn").read_bytes() == bytes(damaged)


WRITER = """
import asyncio, sys
from pathlib import Path
from keystead.access_log.journal import Journal
from keystead.access_log.model import Record

async def main():
    journal, loop = Journal(Path(sys.argv[1]), sys.argv[2]), asyncio.get_running_loop()
    async def caller(name):
        for number in range(10**9):
            await journal.append(Record(request_id=f"{name}-{number}", error_message="x" * 300)).future(loop)
            sys.stdout.write(f"{name}-{number}\\n")
            sys.stdout.flush()
    await asyncio.gather(*(caller(name) for name in "abcdefgh"))

asyncio.run(main())
"""


def test_a_killed_process_leaves_whole_records(tmp_path: Path) -> None:
    """Kill -9 at any moment, ten times: what was answered (told on stdout) is in the file, once and in order, after recovery."""
    seed = random.Random(20261122)
    for life in range(10):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, tmp_path, f"life{life}"], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            answered = [process.stdout.readline().strip()]
            time.sleep(seed.uniform(0, 0.15))
            process.kill()
            answered += process.stdout.read().split("\n")[:-1]
        recover(tmp_path)
        path = tmp_path / f"life{life}.journal"
        kept = ids(path)
        assert len(answered) > 1
        assert set(answered) <= set(kept)
        assert len(kept) == len(set(kept))
        assert [end for end, _ in frames(path)][-1] == path.stat().st_size
        for name in "abcdefgh":
            assert [x for x in kept if x[0] == name] == [f"{name}-{n}" for n in range(sum(x[0] == name for x in kept))]


# ---------------------------------------------------------------- a disk that fails


def instead_of(journal: Journal, path_or_descriptor: str | int) -> None:
    """Put another file under the journal's descriptor."""
    there = path_or_descriptor if isinstance(path_or_descriptor, int) else os.open(path_or_descriptor, os.O_WRONLY)
    os.dup2(there, journal._file)  # noqa: SLF001 - a disk that fails cannot be had otherwise
    os.close(there)


def test_a_full_disk_fails_the_calls_that_wait(journal: Journal) -> None:
    """Every call of the group hears of it; nobody waits for ever."""
    assert settle(journal.append(record(1))) == [None]
    instead_of(journal, "/dev/full")
    failures = settle(*[journal.append(record(number)) for number in range(2, 12)])
    assert all(isinstance(failure, OSError) for failure in failures)
    assert ids(journal.path) == ["r1"]


def test_a_failed_sync_is_never_forgotten(journal: Journal) -> None:
    """Once the bytes of a group may be lost, later groups are refused too: a later sync would say nothing about them."""
    reader, writer = os.pipe()
    instead_of(journal, writer)  # takes writes, but cannot be synced
    assert isinstance(settle(journal.append(record(1)))[0], OSError)
    instead_of(journal, str(journal.path))
    assert isinstance(settle(journal.append(record(2)))[0], OSError)
    os.close(reader)


FULL = """
import asyncio, os, resource, sys
from pathlib import Path
from keystead.access_log.journal import Journal
from keystead.access_log.model import Record

async def main():
    loop = asyncio.get_running_loop()
    journal = Journal(Path(sys.argv[1]), "w")
    for number in range(60):
        if number == 20:  # the disk is full: half a record more fits
            resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(journal.path) + 200, resource.RLIM_INFINITY))
        if number == 40:  # there is room again
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        try:
            await journal.append(Record(request_id=f"r{number}", error_message="x" * 100)).future(loop)
            print("kept", number)
        except OSError:
            print("refused", number)
    journal.close()

asyncio.run(main())
"""


def test_a_disk_that_was_full_for_a_while(tmp_path: Path) -> None:
    """Refused while it is full, served when there is room again, and all that was served can be read: no torn frame between."""
    told = subprocess.run([sys.executable, "-c", FULL, tmp_path], check=True, capture_output=True, text=True).stdout.split("\n")[
        :-1
    ]
    kept = [f"r{line.split()[1]}" for line in told if line.startswith("kept")]
    assert kept == [f"r{number}" for number in [*range(20), *range(40, 60)]]
    assert ids(tmp_path / "w.journal") == kept
    assert recover(tmp_path) == 0


def test_a_record_that_cannot_be_encoded_fails_alone(journal: Journal) -> None:
    """The writer lives on: the next group is written."""
    assert isinstance(settle(journal.append(record(1, "\ud800")))[0], OSError)
    assert settle(journal.append(record(2))) == [None]
    assert ids(journal.path) == ["r2"]


def test_an_observer_that_fails_stops_nothing(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    """What counts the records must not keep calls from being answered."""

    def observer(_records: list[Record]) -> None:
        message = "counting went wrong"
        raise ValueError(message)

    journal.observer = observer
    assert settle(journal.append(record(1))) == [None]
    assert settle(journal.append(record(2))) == [None]
    assert ids(journal.path) == ["r1", "r2"]
    journal.observer = None


def test_no_field_of_a_record_can_hold_two_lines(journal: Journal) -> None:
    """A line end in a field is escaped: one record stays one line."""
    settle(journal.append(record(1, textwrap.dedent("one\ntwo\r\n\u2028three"))))
    assert len(list(lines(journal.path))) == 1
    assert ids(journal.path) == ["r1"]
