"""The same client as coroutines: each call runs in a thread, so that the event loop goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Generic, ParamSpec, Self, TypeVar

from lse.client.annotation import Labels, Selections
from lse.client.client import Client, connect
from lse.client.clusterings import Clusterings
from lse.client.datasets import Datasets
from lse.client.encoders import Encoders
from lse.client.experiments import Experiments
from lse.client.explanations import Explanations
from lse.client.operations import Operation, OperationProgress, Operations, OperationState
from lse.client.predictions import Predictions
from lse.client.projections import Projections
from lse.client.search import Search
from lse.platform.errors import DeadlineExceededError, LseError

__all__ = ["AsyncClient", "AsyncOperation", "connect_async"]

P = ParamSpec("P")
T = TypeVar("T")
_POLL_SECONDS = 2.0


def _call(function: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.to_thread(function, *args, **kwargs)

    call.__doc__ = function.__doc__
    return call


def _work(function: Callable[P, Operation[T]]) -> Callable[P, Coroutine[Any, Any, AsyncOperation[T]]]:
    async def call(*args: P.args, **kwargs: P.kwargs) -> AsyncOperation[T]:
        return AsyncOperation(await asyncio.to_thread(function, *args, **kwargs))

    call.__doc__ = function.__doc__
    return call


def _iteration(function: Callable[P, Iterator[T]]) -> Callable[P, AsyncIterator[T]]:
    async def iterate(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        items = await asyncio.to_thread(function, *args, **kwargs)
        while True:
            # StopIteration cannot pass through a future: an empty tuple tells the end.
            found = await asyncio.to_thread(lambda: tuple(item for _, item in zip(range(1), items, strict=False)))
            if not found:
                return
            yield found[0]

    iterate.__doc__ = function.__doc__
    return iterate


class AsyncOperation(Generic[T]):
    """Long work that the services do, whoever watches; see `lse.client.Operation`."""

    def __init__(self, operation: Operation[T]) -> None:
        self._operation = operation

    def __repr__(self) -> str:
        return repr(self._operation).replace("<Operation", "<AsyncOperation", 1)

    @property
    def name(self) -> str:
        """Full resource name."""
        return self._operation.name

    @property
    def kind(self) -> str:
        """What is being done."""
        return self._operation.kind

    @property
    def target(self) -> str:
        """Name of the resource that it makes or changes."""
        return self._operation.target

    @property
    def state(self) -> OperationState:
        """Where it stood at the last look."""
        return self._operation.state

    @property
    def done(self) -> bool:
        """Whether it had ended at the last look."""
        return self._operation.done

    @property
    def error(self) -> LseError | None:
        """What it ended with."""
        return self._operation.error

    @property
    def stages(self) -> list[tuple[str, float]]:
        """Finished stages and their seconds."""
        return self._operation.stages

    @property
    def attempts(self) -> int:
        """How often work began."""
        return self._operation.attempts

    async def refresh(self) -> Self:
        """Look again, and return this operation."""
        await asyncio.to_thread(self._operation.refresh)
        return self

    async def progress(self) -> OperationProgress:
        """Progress of this moment."""
        return await asyncio.to_thread(self._operation.progress)

    async def wait(self, timeout: float | None = None) -> T:  # noqa: ASYNC109
        """Wait for the end and return what was made; errors as of `Operation.wait`.

        A cancelled task stops waiting; the work itself goes on until `cancel`.
        """
        start = time.monotonic()
        while not self.done:
            left = _POLL_SECONDS if timeout is None else timeout - (time.monotonic() - start)
            if left <= 0:
                raise DeadlineExceededError(
                    f"The operation {self.name} still runs after {timeout:g} s: wait for it again or cancel it.",
                    reason="WAIT_TIMEOUT",
                    name=self.name,
                )
            # Short looks, so that the thread of a cancelled task ends soon.
            await asyncio.to_thread(self._operation.poll, min(_POLL_SECONDS, left))
        return self._operation.result()

    async def cancel(self) -> None:
        """Ask the services to end the work."""
        await asyncio.to_thread(self._operation.cancel)

    def result(self) -> T:
        """What was made; errors as of `Operation.result`."""
        return self._operation.result()


class AsyncDatasets:
    """`lse.client.datasets.Datasets` as coroutines."""

    def __init__(self, sync: Datasets) -> None:
        self.list = _call(sync.list)
        self.get = _call(sync.get)
        self.ingest = _work(sync.ingest)
        self.add = _work(sync.add)
        self.delete = _call(sync.delete)
        self.preview = _call(sync.preview)
        self.images = _iteration(sync.images)
        self.image = _call(sync.image)
        self.thumbnails = _call(sync.thumbnails)
        self.table = _call(sync.table)


class AsyncEncoders:
    """`lse.client.encoders.Encoders` as coroutines."""

    def __init__(self, sync: Encoders) -> None:
        self.list = _call(sync.list)
        self.get = _call(sync.get)
        self.train = _work(sync.train)
        self.retrain = _work(sync.retrain)
        self.select_version = _call(sync.select_version)
        self.load = _call(sync.load)
        self.unload = _call(sync.unload)
        self.import_onnx = _work(sync.import_onnx)
        self.pretrained = _work(sync.pretrained)
        self.estimate = _call(sync.estimate)
        self.backbones = _call(sync.backbones)
        self.evaluate = _work(sync.evaluate)
        self.card = _call(sync.card)
        self.training_run = _call(sync.training_run)
        self.preview_views = _call(sync.preview_views)
        self.delete = _call(sync.delete)
        self.methods = _call(sync.methods)


class AsyncExperiments:
    """`lse.client.experiments.Experiments` as coroutines."""

    def __init__(self, sync: Experiments) -> None:
        self.list = _call(sync.list)
        self.get = _call(sync.get)
        self.encode = _work(sync.encode)
        self.import_vectors = _work(sync.import_vectors)
        self.vectors = _call(sync.vectors)
        self.delete = _call(sync.delete)


class AsyncProjections:
    """`lse.client.projections.Projections` as coroutines."""

    def __init__(self, sync: Projections) -> None:
        self.list = _call(sync.list)
        self.get = _call(sync.get)
        self.run = _work(sync.run)
        self.transform = _work(sync.transform)
        self.coordinates = _call(sync.coordinates)
        self.delete = _call(sync.delete)
        self.methods = _call(sync.methods)


class AsyncClusterings:
    """`lse.client.clusterings.Clusterings` as coroutines."""

    def __init__(self, sync: Clusterings) -> None:
        self.list = _call(sync.list)
        self.get = _call(sync.get)
        self.run = _work(sync.run)
        self.assignments = _call(sync.assignments)
        self.compare = _call(sync.compare)
        self.delete = _call(sync.delete)
        self.methods = _call(sync.methods)


class AsyncPredictions:
    """`lse.client.predictions.Predictions` as coroutines."""

    def __init__(self, sync: Predictions) -> None:
        self.list = _call(sync.list)
        self.get = _call(sync.get)
        self.run = _work(sync.run)
        self.table = _call(sync.table)
        self.delete = _call(sync.delete)
        self.methods = _call(sync.methods)


class AsyncSearch:
    """`lse.client.search.Search` as coroutines."""

    def __init__(self, sync: Search) -> None:
        self.similar = _call(sync.similar)


class AsyncExplanations:
    """`lse.client.explanations.Explanations` as coroutines."""

    def __init__(self, sync: Explanations) -> None:
        self.traverse = _call(sync.traverse)
        self.interpolate = _call(sync.interpolate)
        self.sample = _call(sync.sample)
        self.similarity = _call(sync.similarity)
        self.prototypes = _call(sync.prototypes)


class AsyncLabels:
    """`lse.client.annotation.Labels` as coroutines."""

    def __init__(self, sync: Labels) -> None:
        self.schemes = _call(sync.schemes)
        self.scheme = _call(sync.scheme)
        self.create_scheme = _call(sync.create_scheme)
        self.update_scheme = _call(sync.update_scheme)
        self.delete_scheme = _call(sync.delete_scheme)
        self.set = _call(sync.set)
        self.table = _call(sync.table)
        self.suggest = _call(sync.suggest)
        self.suggestion = _call(sync.suggestion)


class AsyncSelections:
    """`lse.client.annotation.Selections` as coroutines."""

    def __init__(self, sync: Selections) -> None:
        self.list = _call(sync.list)
        self.get = _call(sync.get)
        self.create = _call(sync.create)
        self.delete = _call(sync.delete)


class AsyncOperations:
    """`lse.client.operations.Operations` as coroutines."""

    def __init__(self, sync: Operations) -> None:
        self._sync = sync
        self.get = _work(sync.get)
        self.cancel = _call(sync.cancel)

    async def list(self, *, active: bool = False) -> list[AsyncOperation[Any]]:
        """Operations, newest first; with `active` only those that have not ended."""
        return [AsyncOperation(operation) for operation in await asyncio.to_thread(self._sync.list, active=active)]


class AsyncClient:
    """What the services offer, for the resources of one project, as coroutines; see `lse.client.Client`."""

    def __init__(self, sync: Client) -> None:
        self._sync = sync
        self.datasets = AsyncDatasets(sync.datasets)
        self.encoders = AsyncEncoders(sync.encoders)
        self.experiments = AsyncExperiments(sync.experiments)
        self.projections = AsyncProjections(sync.projections)
        self.clusterings = AsyncClusterings(sync.clusterings)
        self.predictions = AsyncPredictions(sync.predictions)
        self.search = AsyncSearch(sync.search)
        self.explanations = AsyncExplanations(sync.explanations)
        self.labels = AsyncLabels(sync.labels)
        self.selections = AsyncSelections(sync.selections)
        self.operations = AsyncOperations(sync.operations)
        self.projects = _call(sync.projects)
        self.ping = _call(sync.ping)
        self.export = _call(sync.export)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def project(self) -> str:
        """Id of the project."""
        return self._sync.project

    @property
    def address(self) -> str:
        """Where the services are looked for."""
        return self._sync.address

    def with_project(self, project: str) -> AsyncClient:
        """Client of another project on the same channel."""
        return AsyncClient(self._sync.with_project(project))

    async def close(self) -> None:
        """Close the channel."""
        await asyncio.to_thread(self._sync.close)


def connect_async(address: str | None = None, *, token: str | None = None, project: str | None = None) -> AsyncClient:
    """Client of the services whose calls are coroutines; parameters and errors as of `lse.client.connect`."""
    return AsyncClient(connect(address, token=token, project=project))
