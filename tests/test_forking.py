"""Work in two processes: the same results, in order, whatever becomes of the other process."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from matcher import forking
from matcher.forking import Beside, LeftBehindError, can_fork, do_all, shared_array, stay_here

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")
FIRST = os.getpid()
COUNT = 12


def is_other() -> bool:
    return os.getpid() != FIRST


def leave_number(folder: Path) -> None:
    """Write this process's number into FOLDER/other, all at once: the first process waits for it."""
    (folder / "begun").write_text(str(os.getpid()))
    (folder / "begun").rename(folder / "other")


def square(part: int, step) -> tuple[int, bool]:
    time.sleep(0.01 if is_other() else 0.1)  # the other comes to its turn, however busy the machine is
    step()
    return part * part, is_other()


def leaves(part: int, step) -> tuple[int, bool]:
    if part == 8:
        stay_here()
    return square(part, step)


def dies(part: int, step) -> tuple[int, bool]:
    if part == 8 and is_other():
        os.kill(os.getpid(), signal.SIGKILL)
    return square(part, step)


def sends_what_cannot_be_sent(part: int, step):
    return (*square(part, step)[:1], is_other() and (lambda: None))


@pytest.mark.parametrize(("work", "there"), [
    (square, {True, False}), (leaves, {True, False}), (dies, {True, False}),
    (sends_what_cannot_be_sent, {False}),
])
def test_results_are_those_of_one_process_in_order(work, there):
    done = do_all(work, COUNT, lambda count: None, forked=True)
    assert [square for square, _ in done] == [n * n for n in range(COUNT)]
    assert {where for _, where in done} == there


def test_what_stayed_behind_is_done_here_after_what_comes_before_it():
    here = []

    def work(part: int, step) -> int:
        if part in (5, 9):
            stay_here()
        if not is_other():
            here.append(part)
        time.sleep(0.01)
        return part

    assert do_all(work, COUNT, lambda count: None, forked=True) == list(range(COUNT))
    assert {5, 9} <= set(here)
    assert here == sorted(here)


@pytest.mark.parametrize("forked", [True, False])
def test_progress_counts_the_pieces_of_both(forked):
    told = []
    do_all(square, COUNT, told.append, forked)
    assert told == sorted(told)
    assert told[-1] == COUNT


@pytest.mark.parametrize("forked", [True, False])
def test_nothing_and_one_part_are_work_too(forked):
    assert do_all(square, 0, lambda count: None, forked) == []
    assert [n for n, _ in do_all(square, 1, lambda count: None, forked)] == [0]


def fails_there() -> int:
    if is_other():
        raise ValueError
    return FIRST


def dies_there() -> int:
    if is_other():
        os.kill(os.getpid(), signal.SIGKILL)
    return FIRST


@pytest.mark.parametrize(("function", "forked", "is_from_here"), [
    (os.getpid, True, False), (os.getpid, False, True), (fails_there, True, True), (dies_there, True, True),
])
def test_what_is_done_beside_is_done_here_where_it_fails_there(function, forked, is_from_here):
    with Beside(function, forked) as beside:
        assert (beside.result() == FIRST) == is_from_here


def test_what_nobody_asks_for_is_ended(tmp_path):
    def write() -> None:
        leave_number(tmp_path)
        time.sleep(60)

    with Beside(write, forked=True):
        while not (tmp_path / "other").is_file():
            time.sleep(0.01)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "other").read_text()), 0)


@pytest.mark.parametrize("forked", [True, False])
def test_what_is_done_beside_is_done_once(forked):
    with Beside(lambda: [os.getpid()], forked) as beside:
        assert beside.result() is beside.result()


def test_who_has_no_patience_does_it_here():
    def slow() -> int:
        time.sleep(60 * is_other())
        return os.getpid()

    with Beside(slow, forked=True) as beside:
        assert beside.result(patience=0.05) == FIRST


def test_a_failure_is_raised_once_it_is_asked_for_here():
    with Beside(lambda: 1 // 0, forked=True) as beside, pytest.raises(ZeroDivisionError):
        beside.result()


def test_where_no_process_can_be_started_all_is_done_here(monkeypatch):
    monkeypatch.setattr(os, "fork", lambda: (_ for _ in ()).throw(BlockingIOError()))
    assert do_all(square, COUNT, lambda count: None, forked=True) == [(n * n, False) for n in range(COUNT)]
    with Beside(os.getpid, forked=True) as beside:
        assert beside.result() == FIRST


def test_both_processes_write_to_a_shared_array():
    array = shared_array((COUNT, 2))

    def work(part: int, step) -> bool:
        array[part] = part, is_other()
        return square(part, step)[1]

    where = do_all(work, COUNT, lambda count: None, forked=True)
    assert array.tolist() == [[part, other] for part, other in enumerate(where)]
    assert shared_array((0, 5)).shape == (0, 5)


def test_a_failure_here_is_raised_and_the_other_process_ends(tmp_path):
    def work(part: int, step) -> int:
        if is_other():
            leave_number(tmp_path)
            time.sleep(60)
        while not (tmp_path / "other").is_file():
            time.sleep(0.01)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        do_all(work, COUNT, lambda count: None, forked=True)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "other").read_text()), 0)


def test_a_process_that_hangs_is_ended_and_its_part_done_here(monkeypatch):
    monkeypatch.setattr(forking, "PATIENCE_S", 0.2)

    def work(part: int, step) -> int:
        if is_other():
            time.sleep(60)
        return part

    assert do_all(work, 3, lambda count: None, forked=True) == [0, 1, 2]


def test_the_other_process_ends_when_the_first_is_killed(tmp_path):
    code = f"""
import os, time
from pathlib import Path
from matcher.forking import do_all
first = os.getpid()
def work(part, step):
    if os.getpid() == first:
        time.sleep(60)
    begun = Path({str(tmp_path)!r}, 'begun')
    begun.write_text(str(os.getpid()))
    begun.rename(begun.with_name('other'))
    return b'x' * 9_000_000  # more than a pipe holds, and nobody reads
do_all(work, 4, lambda count: None, forked=True)
"""
    with subprocess.Popen([sys.executable, "-c", code]) as first:
        until = time.monotonic() + 30
        while not (tmp_path / "other").is_file() and time.monotonic() < until:
            time.sleep(0.02)
        first.kill()
    other = int((tmp_path / "other").read_text())
    while is_alive(other) and time.monotonic() < until:
        time.sleep(0.02)
    assert not is_alive(other)


def is_alive(process: int) -> bool:
    """Say whether a process works; a dead one may wait for somebody to ask for it."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_only_one_thread_is_forked(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1})
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # as some supervisors leave it
    assert not can_fork()
    signal.signal(signal.SIGCHLD, before)
    alone = threading.active_count() == 1
    assert can_fork() == alone
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    assert not can_fork()
    end.set()
    thread.join()
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0})
    assert not can_fork()


def test_what_must_stay_may_go_on_in_the_first_process():
    assert stay_here() is None
    assert issubclass(LeftBehindError, RuntimeError)
