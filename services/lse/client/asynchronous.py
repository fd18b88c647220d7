"""The same client as coroutines: each call runs in a thread, so that the event loop goes on.

Made from the classes of the client by what their methods return: an `Operation` becomes an `AsyncOperation`, an
iterator an asynchronous one, everything else is awaited.  `asynchronous.pyi` holds the types; ``scripts/async_stub.py``
writes it.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
from collections.abc import Callable
from typing import Any, Self

from lse.client.client import Client, connect
from lse.client.operations import Operation
from lse.errors import DeadlineExceededError

__all__ = ["AsyncClient", "AsyncOperation", "connect_async"]

_POLL_SECONDS = 2.0


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    """Method of an asynchronous class that calls a function on what it wraps."""
    returned = str(inspect.signature(function).return_annotation)

    @functools.wraps(function)
    async def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        answer = await asyncio.to_thread(function, self._sync, *args, **kwargs)
        if returned.startswith("Operation["):
            return AsyncOperation(answer)
        return [AsyncOperation(each) for each in answer] if returned.startswith("list[Operation[") else answer

    @functools.wraps(function)
    async def iterate(self: Any, *args: Any, **kwargs: Any) -> Any:
        items = await asyncio.to_thread(function, self._sync, *args, **kwargs)
        # StopIteration cannot pass through a future: an object of our own marks the end.
        while (item := await asyncio.to_thread(next, items, _END)) is not _END:
            yield item

    return iterate if returned.startswith("Iterator[") else call


_END = object()


class _Asynchronous:
    """Wraps an object of the client."""

    def __init__(self, sync: Any) -> None:
        self._sync = sync

    def __repr__(self) -> str:
        return repr(self._sync).replace("<", "<Async", 1)


@functools.cache
def _asynchronous(sync: type) -> type[Any]:
    """Class with the public members of another: its methods as coroutines, its properties as they are."""
    members: dict[str, Any] = {"__doc__": sync.__doc__}
    for name in dir(sync):
        member = inspect.getattr_static(sync, name)
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            members[name] = property(lambda self, name=name: getattr(self._sync, name), doc=member.__doc__)
        elif inspect.isfunction(member):
            members[name] = _method(member)
    return type(f"Async{sync.__name__}", (_Asynchronous,), members)


class AsyncOperation(_asynchronous(Operation)):
    """Long work that the services do, whoever watches; see `lse.client.Operation`."""

    async def wait(self, timeout: float | None = None) -> Any:  # noqa: ASYNC109
        """Wait for the end and return what was made; errors as for `Operation.wait`.

        A cancelled task stops waiting; the work itself goes on until `cancel`.
        """
        start = time.monotonic()
        while not self.done:
            left = _POLL_SECONDS if timeout is None else timeout - (time.monotonic() - start)
            if left <= 0:
                raise DeadlineExceededError(
                    f"The operation {self.id} still runs after {timeout:g} s: wait for it again or cancel it.",
                    reason="OPERATION_TIMEOUT",
                    name=self.name,
                )
            # Short looks, so that the thread of a cancelled task ends soon.
            await self.poll(min(_POLL_SECONDS, left))
        return self.result()

    def result(self) -> Any:
        """What was made; errors as for `Operation.result`."""
        return self._sync.result()


class AsyncClient(_asynchronous(Client)):
    """What the services offer, for the resources of one project, as coroutines; see `lse.client.Client`."""

    def __init__(self, sync: Client) -> None:
        super().__init__(sync)
        for name, subject in vars(sync).items():
            if not name.startswith("_"):
                setattr(self, name, _asynchronous(type(subject))(subject))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def with_project(self, project: str) -> AsyncClient:
        """Client of another project on the same channel."""
        return AsyncClient(self._sync.with_project(project))


def connect_async(address: str | None = None, *, token: str | None = None, project: str | None = None) -> AsyncClient:
    """Client of the services whose calls are coroutines; parameters and errors as for `lse.client.connect`."""
    return AsyncClient(connect(address, token=token, project=project))
