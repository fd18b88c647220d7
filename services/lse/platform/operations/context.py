"""What a job sees of the operation that it works on."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

import structlog
from prometheus_client import Summary
from pydantic import TypeAdapter

from lse.errors import CancelledError, LseError
from lse.platform.catalogue import Record
from lse.platform.catalogue.operation_record import Attempt, Operation
from lse.platform.outages import Patience, is_outage
from lse.platform.stores import Stores
from lse.platform.tracing import stage_span
from lse.progress import Progress

__all__ = ["JobContext"]

_log = structlog.get_logger(__name__)

_STAGES = Summary("lse_stage_seconds", "Seconds that stages of operations took.", ["kind", "stage"])
_SAVE_SECONDS = 0.5

RecordT = TypeVar("RecordT", bound=Record[Any, Any])
T = TypeVar("T")


class JobContext(Generic[RecordT]):
    """An operation being worked on.

    Parameters
    ----------
    operation
        The operation.
    resource
        Its target, as the catalogue has it.
    platform
        What the job works with; progress and finished tasks are kept in its catalogue.
    owner
        Who works on it.

    Attributes
    ----------
    attempt
        Token of this attempt: nothing is kept once another has taken the operation over.
    folder
        URI of the folder that this operation alone writes to.
    """

    def __init__(self, operation: Operation, resource: RecordT, platform: Stores, *, owner: str) -> None:
        self.operation = operation
        self.attempt = Attempt(operation.name, owner, operation.attempts)
        self.resource = resource
        self.platform = platform
        self.folder = platform.artifacts.folder(resource.kind, resource.uid, operation.name)
        self.outcome: Callable[[RecordT], RecordT] | None = None
        self.superseded: list[str] = []
        self.stages: dict[str, float] = dict(operation.stages)
        self._store = platform.operation_store
        self._stop = threading.Event()
        self._ending = threading.Event()
        self._away: tuple[str, int] | None = None
        self._saving = False
        self._lock = threading.Lock()
        self._progress = Progress("starting")
        self._stage_began = time.monotonic()
        self._stage_done_at_begin: int | None = None
        self._saved = 0.0

    def parameters(self, model: type[T]) -> T:
        """What was asked for beside the target."""
        return TypeAdapter(model).validate_python(self.operation.parameters)

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
        return self.waited_out(lambda: self._store.get(self.operation.name)).cancel_requested

    def _save_task(self, stage: str, task: str, result: Any) -> None:
        if not self.waited_out(lambda: self._store.save_task(self.attempt, stage, task, result)):
            # As while this process was suspended.
            self._saving = False
            self.stop()
            raise CancelledError("Another process has taken this work over.")
        self.goes_on()

    def save_what_is_there(self) -> None:
        """From now on do not end early: the job saves what is worth keeping, publishes it, and then raises."""
        self._saving = True

    def _results(self, stage: str) -> dict[str, Any]:
        return self.waited_out(lambda: self._store.task_results(self.operation.name, stage))

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
        if self._away is not None and progress.stage == self._away[0] and progress.done > self._away[1]:
            self.goes_on()
        self._save_progress(progress, rate=rate)

    def _save_progress(self, progress: Progress, *, rate: float = 0.0, waiting_for: str = "") -> None:
        stages = list(self.stages.items())
        try:
            if not self._store.save_progress(self.attempt, progress, rate=rate, stages=stages, waiting_for=waiting_for):
                self.stop()
        except LseError as error:
            # The work does not need it, and the next report may be kept.
            if not is_outage(error):
                raise

    # What is away for a while

    def begin_again(self, *, ending: threading.Event) -> None:
        """Forget what a run of the job left in this object; its finished stages and tasks are in the catalogue.

        Parameters
        ----------
        ending
            Set when this process ends.
        """
        self.outcome, self.superseded, self._saving, self._ending = None, [], False, ending

    def waited_out(self, call: Callable[[], T]) -> T:
        """Result of a call, made again for as long as what it needs is away.

        Raises
        ------
        LseError
            What it ended with, if that is no outage or it lasted for longer than the settings allow.
        CancelledError
            If the job is to end meanwhile.
        """
        patience = Patience(self.platform.settings.outage_seconds)
        while True:
            try:
                return call()
            except Exception as error:
                outage = error if isinstance(error, LseError) else self.platform.artifacts.outage(error)
                if outage is None or not self.wait_for(outage, patience):
                    raise

    def wait_for(self, error: LseError, patience: Patience) -> bool:
        """Wait a moment for what is away, and say so in the operation; False where that is of no use (any longer).

        Raises
        ------
        CancelledError
            If the job is to end now.
        """
        reached = (self._progress.stage, self._progress.done)
        seconds = patience.pause(reached) if is_outage(error) else None
        if seconds is None:
            return False
        if self._away is None:
            _log.warning("operation_waits", operation=self.operation.name, reason=error.reason, message=error.message)
        self._away = reached
        self._save_progress(self._progress, waiting_for=error.message)
        # Who saves is not to be stopped, but by the end of the process.
        if (self._ending if self._saving else self._stop).wait(seconds):
            raise CancelledError("The work was cancelled.")
        return True

    def goes_on(self) -> None:
        """Note that what was away is back."""
        if self._away is not None:
            self._away = None
            _log.info("operation_goes_on", operation=self.operation.name)

    @contextlib.contextmanager
    def stage(self, name: str, *, total: int = 0, unit: str = "steps") -> Iterator[None]:
        """Time a stage of the job and report that it began."""
        self.check()
        self.report(Progress(name, 0, total, unit))
        began = time.monotonic()
        try:
            with stage_span(name):
                yield
        finally:
            took = time.monotonic() - began
            self.stages[name] = self.stages.get(name, 0.0) + took
            _STAGES.labels(self.operation.kind, name).observe(took)

    # Work in this process and on the cluster

    def once(self, function: Callable[[], T], *, stage: str, returns: type[T]) -> T:
        """Do something short in this process; its result is kept.

        After a restart the function is not called again.

        Parameters
        ----------
        function
            What is done.
        stage
            Name of the stage.
        returns
            Type of its result, which must have a form in JSON, as models and dataclasses have.
        """
        kept = TypeAdapter[T](returns)
        done = self._results(stage)
        if "result" in done:
            return kept.validate_python(done["result"])
        with self.stage(stage):
            result = function()
            self._save_task(stage, "result", kept.dump_python(result, mode="json"))
        return result

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
            results = {name: result for name, result in self._results(stage).items() if name in tasks}

            done = sum(units[name] for name in results)

            def keep(name: str, result: Any) -> None:
                nonlocal done
                self._save_task(stage, name, result)
                results[name] = result
                done += units[name]
                self.report(Progress(stage, done, total, unit))

            self.report(Progress(stage, done, total, unit))
            self.platform.compute.map(
                function,
                {name: arguments for name, arguments in tasks.items() if name not in results},
                on_result=keep,
                should_stop=self.should_stop,
            )
        return {name: results[name] for name in tasks}

    def run(self, function: Callable[..., T], *arguments: Any, stage: str, returns: type[T], gpu: bool = False) -> T:
        """Run one long task on a worker; it gets a `TaskChannel` as its last argument.

        Its result is kept: after a restart the task is not run again.

        Parameters
        ----------
        function, *arguments
            What is run.
        stage
            Name of the stage.
        returns
            Type of its result, which must have a form in JSON, as models and dataclasses have.
        gpu
            Run it where a GPU is, if the cluster has any.
        """
        compute = self.platform.compute

        def work() -> T:
            result: T = compute.run(
                function,
                arguments,
                on_progress=self.report,
                should_stop=self.should_stop,
                resources={"GPU": 1} if gpu and compute.offers("GPU") else None,
            )
            return result

        return self.once(work, stage=stage, returns=returns)

    # The end

    def publish(self, result: Any) -> None:
        """Say what came out: kept with the end of the operation, in one step, when the job returns.

        It is also kept when the job raises after this: the operation then ends with that error, and the resource is
        ready all the same, as the encoder of a training that was cancelled.
        """
        self.publish_change(lambda latest: latest.with_result(result))

    def publish_change(self, change: Callable[[RecordT], RecordT]) -> None:
        """As `publish`, worked out from what the resource is at the end: others may have changed it meanwhile."""
        self.outcome = change

    def supersede(self, uri: str) -> None:
        """Have a file or folder removed once the result is published, which nobody needs from then on."""
        self.superseded.append(uri)
