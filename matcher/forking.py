"""Work in two processes: this one takes parts from the front, a forked one from the back.

A forked process has this one's memory as it is at that moment, so that nothing need be sent to it;
but connections and the threads of libraries stay behind, and must not be used there: see
:func:`stay_here`. A part that fails there, or whose process dies, is done here, after those before
it: results, and the order of what happens here, are those of one process. Results are pickled on
their way through a pipe that no other program has; nothing pickled is ever stored or read.
"""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from mmap import mmap
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

T = TypeVar("T")
Function = TypeVar("Function", bound=Callable[..., Any])
# To be called after each piece of a part.
Step = Callable[[], None]
Work = Callable[[int, Step], T]
# Tells how many pieces are done, in both processes.
Told = Callable[[int], None]

# A forked process that gets nothing done for so long hangs, and is ended.
PATIENCE_S = 300.0
POLL_S = 0.05
MOST_PARTS = 4096  # the smallest pipe holds one byte for each
_PR_SET_PDEATHSIG = 1  # of linux/prctl.h
_BYTES = 8
_is_fork = False


class LeftBehindError(RuntimeError):
    """Raised in a forked process where only the one that it was forked from can go on."""


def stay_here() -> None:
    """Raise ``LeftBehindError`` in a forked process: what follows needs what stayed behind."""
    if _is_fork:
        raise LeftBehindError


def on_one_thread(function: Function) -> Function:
    """Keep the products inside to one thread: on two, small ones take twice as long."""
    return cast(Function, threadpool_limits.wrap(limits=1, user_api="blas")(function))


def can_fork() -> bool:
    """Say whether a second process is safe and would help: Linux, two processors, one thread."""
    return (sys.platform == "linux" and len(os.sched_getaffinity(0)) > 1
            and threading.active_count() == 1 and not multiprocessing.current_process().daemon
            and signal.getsignal(signal.SIGCHLD) != signal.SIG_IGN)  # else nobody knows its end


def shared_array(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Give an array of zeros that a process forked later shares: what one writes, both see."""
    size = int(np.prod(shape))
    return np.frombuffer(mmap(-1, max(8 * size, 1)), np.float64, size).reshape(shape)


def do_all(work: Work[T], count: int, told: Told, forked: bool) -> list[T]:
    """Do the parts 0 … ``count - 1`` of a work, ``forked`` in two processes; results in order.

    ``work(part, step)`` gives a part's result. Raises what ``work`` raises here.
    """
    other = _started(lambda: _Forked(work, count, told)) if forked and count <= MOST_PARTS else None
    if not other:
        return _rest({}, work, count, _counting(told))
    with other:
        found: dict[int, T] = {}
        while other.claim():
            part = len(found)
            found[part] = work(part, other.step)
        return _rest(found | other.results(), work, count, other.step)


def _rest(found: dict[int, T], work: Work[T], count: int, step: Step) -> list[T]:
    """Do the parts that are not done yet; give all."""
    return [found[part] if part in found else work(part, step) for part in range(count)]


def _started(start: Callable[[], T]) -> T | None:
    """Start a process; None where the machine has no room for it."""
    try:
        return start()
    except OSError:
        return None


def _counting(told: Told) -> Step:
    """Give a step that counts."""
    done = [0]

    def step() -> None:
        done[0] += 1
        told(done[0])

    return step


class Beside(Generic[T]):
    """A function at work in a forked process until its result is asked for; use it in ``with``."""

    def __init__(self, function: Callable[[], T], forked: bool) -> None:
        """Begin, or, where it is not to be ``forked``, leave it until it is asked for."""
        self._function = function
        self._found: list[T] = []
        self._process = _started(lambda: _Process(
            lambda results: results.send(function()))) if forked else None

    def __enter__(self) -> Beside[T]:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._process:
            self._process.end()
            self._process = None

    @property
    def is_beside(self) -> bool:
        """Say whether a process is at it."""
        return self._process is not None

    def result(self, patience: float = PATIENCE_S) -> T:
        """Give the result; where none comes in so many seconds, what the function gives here.

        Whoever asks again is given the same.
        """
        if not self._found:
            self._found.append(self._received(patience))
        return self._found[0]

    def _received(self, patience: float) -> T:
        if self._process and self._process.results.poll(patience):
            with suppress(EOFError, OSError):  # it has failed, or was ended
                return cast(T, self._process.results.recv())
        return self._function()


class _Forked(Generic[T]):
    """The forked process as seen from here: what it has done, and what nobody has begun."""

    def __init__(self, work: Work[T], count: int, told: Told) -> None:
        self._work, self._count, self._told = work, count, told
        self._pieces = 0
        self._found: dict[int, T] = {}
        self._counter = mmap(-1, _BYTES)  # pieces done there
        # One byte for each part that nobody has begun: who reads it may begin one.
        self._unbegun, filled = os.pipe()
        os.write(filled, bytes(self._count))
        os.close(filled)
        try:
            self._process = _Process(self._help)
        except OSError:
            self._close()
            raise
        self._open = True

    def __enter__(self) -> _Forked[T]:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._process.end()
        self._close()

    def _close(self) -> None:
        os.close(self._unbegun)
        self._counter.close()

    def claim(self) -> bool:
        """Take a part; False where all are begun."""
        return bool(os.read(self._unbegun, 1))

    def step(self) -> None:
        """Count a piece done here, and take what has come from there."""
        self._pieces += 1
        self._receive(0)

    def results(self) -> dict[int, T]:
        """Give the parts done there, once it has ended."""
        before, since = -1, time.monotonic()
        while self._open and time.monotonic() - since < PATIENCE_S:
            self._receive(POLL_S)
            if (done := self._done_there()) != before:
                before, since = done, time.monotonic()
        return self._found

    def _receive(self, wait: float) -> None:
        """Take the parts that have come, and tell how far both are."""
        while self._open and self._process.results.poll(wait):
            try:
                part, result = self._process.results.recv()
                self._found[part] = result
            except (EOFError, OSError):  # it has ended
                self._open = False
        self._told(self._pieces + self._done_there())

    def _done_there(self) -> int:
        return int.from_bytes(self._counter[:], "little")

    def _help(self, results: Connection) -> None:
        """Do parts from the back, in the forked process, until none is left or one cannot be."""

        def step() -> None:
            self._counter[:] = (self._done_there() + 1).to_bytes(_BYTES, "little")

        part = self._count
        while self.claim():
            part -= 1
            results.send((part, self._work(part, step)))


class _Process:
    """A forked process that sends ``results``; of what goes wrong there nothing is said."""

    def __init__(self, function: Callable[[Connection], None]) -> None:
        context = multiprocessing.get_context("fork")
        self.results, there = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_run, args=(function, self.results, there, os.getpid()), daemon=True)
        with warnings.catch_warnings(), _without_interrupts():
            # Of threads of libraries, which are not used there.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._process.start()
        there.close()

    def end(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.join()
        self._process.close()
        self.results.close()


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Hold Ctrl-C back; a process that is forked meanwhile never sees it, but ends with ours."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _run(function: Callable[[Connection], None], here: Connection, there: Connection,
         first: int) -> None:
    """Do what a forked process is for, and nothing that could outlive the first one."""
    global _is_fork
    _is_fork = True
    try:
        here.close()
        _end_with(first)
        gc.freeze()  # to look through what was there before would copy it
        function(there)
    except BaseException:
        os._exit(1)


def _end_with(first: int) -> None:
    """Let the kernel end this process with the one it was forked from, or where memory is short."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    if os.getppid() != first:
        raise LeftBehindError
