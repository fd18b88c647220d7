"""What a job sees of the operation that it works on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lse.platform.catalogue import Resource
from lse.platform.errors import CancelledError
from lse.platform.operations.store import Operation, OperationStore
from lse.platform.progress import Progress

if TYPE_CHECKING:
    from lse.platform.wiring import Platform

__all__ = ["JobContext"]

_SAVE_SECONDS = 0.5


class JobContext:
    """An operation being worked on.

    Parameters
    ----------
    operation
        The operation.
    resource
        Its target, as the catalogue has it.
    platform
        What the job stands on.
    store
        Where progress and finished tasks are kept.

    Attributes
    ----------
    parameters
        What was asked for, as JSON.
    folder
        URI of the folder that this operation alone writes to.
    """

    def __init__(self, operation: Operation, resource: Resource, platform: Platform, store: OperationStore) -> None:
        self.operation = operation
        self.resource = resource
        self.platform = platform
        self.parameters = operation.parameters
        self.folder = platform.artifacts.folder(resource.kind, resource.uid, operation.name)
        self.result: Resource | None = None
        self.tidying: list[Callable[[], None]] = []
        self.stages: dict[str, float] = dict(operation.stages)
        self._store = store
        self._stop = threading.Event()
        self._saving = False
        self._lock = threading.Lock()
        self._progress = Progress("starting")
        self._stage_began = time.monotonic()
        self._stage_done_at_begin: int | None = None
        self._saved = 0.0

    # Ending early

    def stop(self) -> None:
        """Let the job end as soon as it can: cancelled, lost to another runner, or shut down."""
        self._stop.set()

    def should_stop(self) -> bool:
        """Whether the job is to end now."""
        return self._stop.is_set() and not self._saving

    def check(self) -> None:
        """Raise `CancelledError` if the job is to end now."""
        if self.should_stop():
            raise CancelledError("The work was cancelled.")

    def cancelled(self) -> bool:
        """Whether someone asked for the end: not so when this process shuts down or lost the operation to another."""
        return self._store.get(self.operation.name).cancel_requested

    def save_what_is_there(self) -> None:
        """From now on do not end early: the job saves what is worth keeping, publishes it, and then raises."""
        self._saving = True

    # Progress

    def report(self, progress: Progress) -> None:
        """Keep how far the job has come; written twice a second at most."""
        with self._lock:
            changed = progress.stage != self._progress.stage or self._stage_done_at_begin is None
            if changed:
                self._stage_began = time.monotonic()
                self._stage_done_at_begin = progress.done
            self._progress = progress
            if not changed and time.monotonic() - self._saved < _SAVE_SECONDS and progress.done != progress.total:
                return
            self._saved = time.monotonic()
            elapsed = self._saved - self._stage_began
            advanced = progress.done - (self._stage_done_at_begin or 0)
            rate = advanced / elapsed if elapsed > 0.05 else 0.0
        self._store.save_progress(self.operation.name, progress, rate=rate, stages=list(self.stages.items()))

    @contextmanager
    def stage(self, name: str, *, total: int = 0, unit: str = "steps") -> Iterator[None]:
        """Time a stage of the job and report that it began."""
        self.check()
        self.report(Progress(name, 0, total, unit))
        began = time.monotonic()
        try:
            yield
        finally:
            self.stages[name] = self.stages.get(name, 0.0) + time.monotonic() - began

    # Work in this process and on the cluster

    def once(self, function: Callable[[], Any], *, stage: str) -> Any:
        """Do something short in this process; its result, which must be what JSON can hold, is kept.

        After a restart the function is not called again.
        """
        done = self._store.task_results(self.operation.name, stage)
        if "result" not in done:
            with self.stage(stage):
                done["result"] = function()
                self._store.save_task(self.operation.name, stage, "result", done["result"])
        return done["result"]

    def map(
        self,
        function: Callable[..., Any],
        tasks: Mapping[str, tuple[Any, ...]],
        *,
        stage: str,
        unit: str,
        units: Mapping[str, int] | None = None,
    ) -> dict[str, Any]:
        """Run a function once for each task on the workers; finished tasks are not run again after a restart.

        Parameters
        ----------
        function
            Importable function that writes what it makes by itself, gives the same when it is run again, and
            returns what JSON can hold.
        tasks
            Arguments by task name, in the order in which they are started.
        stage
            Name of the stage.
        unit
            What is counted, in the plural.
        units
            Units in each task, 1 where it is not given.

        Returns
        -------
        dict
            Results in the order of the tasks.
        """
        units = units or dict.fromkeys(tasks, 1)
        total = sum(units[name] for name in tasks)
        with self.stage(stage, total=total, unit=unit):
            results = {
                name: result
                for name, result in self._store.task_results(self.operation.name, stage).items()
                if name in tasks
            }

            def keep(name: str, result: Any) -> None:
                self._store.save_task(self.operation.name, stage, name, result)
                results[name] = result
                self.report(Progress(stage, sum(units[done] for done in results), total, unit))

            self.report(Progress(stage, sum(units[done] for done in results), total, unit))
            self.platform.compute.map(
                function,
                {name: arguments for name, arguments in tasks.items() if name not in results},
                on_result=keep,
                should_stop=self.should_stop,
            )
        return {name: results[name] for name in tasks}

    def run(self, function: Callable[..., Any], *arguments: Any, stage: str, gpu: bool = False) -> Any:
        """Run one long task on a worker; it gets a `TaskChannel` as its last argument.

        Its result, which must be what JSON can hold, is kept: after a restart the task is not run again.

        Parameters
        ----------
        function, *arguments
            What is run.
        stage
            Name of the stage.
        gpu
            Run it where a GPU is, if the cluster has any.
        """
        done = self._store.task_results(self.operation.name, stage)
        if "result" in done:
            return done["result"]
        compute = self.platform.compute
        with self.stage(stage):
            result = compute.run(
                function,
                arguments,
                on_progress=self.report,
                should_stop=self.should_stop,
                resources={"GPU": 1} if gpu and compute.offers("GPU") else None,
            )
            self._store.save_task(self.operation.name, stage, "result", result)
        return result

    # The end

    def publish(self, result: Mapping[str, Any]) -> None:
        """Say what came out: kept with the end of the operation, in one step, when the job returns.

        It is also kept when the job raises after this: the operation then ends with that error, and the resource is
        ready all the same, as the encoder of a training that was cancelled.
        """
        self.result = replace(self.resource, state="ready", result=dict(result))

    def on_finished(self, tidy: Callable[[], None]) -> None:
        """Have something tidied up once the result is published; it must not matter whether it happens."""
        self.tidying.append(tidy)
