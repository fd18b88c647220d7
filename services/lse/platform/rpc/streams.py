"""Streams of plain generators, advanced in threads."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor
from contextvars import copy_context
from functools import partial
from typing import Any

__all__ = ["advanced_in"]

_END = object()


def advanced_in(
    threads: Executor, behaviour: Callable[[Any, Any], Iterator[Any]]
) -> Callable[[Any, Any], AsyncIterator[Any]]:
    """Async handler of a stream that a plain generator makes, which is closed when its call ends, however it ends.

    A thread is taken for each message and given back.  The bridge that grpc has of its own keeps one for a whole
    stream, and for good where the client goes away before its end, so that a server that is left often enough answers
    nothing any more and a process never ends.
    """

    async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
        generator = _Generator(partial(behaviour, request, context))
        loop = asyncio.get_running_loop()
        try:
            # In the context of the call, from which the generator knows its caller.
            while (message := await loop.run_in_executor(threads, copy_context().run, generator.advance)) is not _END:
                yield message
        finally:
            # Not waited for: a call that was cancelled may still be on its way to a message.  A server that has stopped
            # takes no more work, and its generators end with it.
            with contextlib.suppress(RuntimeError):
                loop.run_in_executor(threads, generator.close)

    return stream


class _Generator:
    """A generator that is made at its first message, and may be closed while another thread advances it."""

    def __init__(self, make: Callable[[], Iterator[Any]]) -> None:
        self._make = make
        self._messages: Iterator[Any] | None = None
        self._lock = threading.Lock()

    def advance(self) -> Any:
        with self._lock:
            if self._messages is None:
                # In a thread as well: handlers may read a catalogue before they return their generator.
                self._messages = self._make()
            return next(self._messages, _END)

    def close(self) -> None:
        with self._lock:
            if (close := getattr(self._messages, "close", None)) is not None:
                close()
