"""An operation has one owner at a time, whatever is suspended, killed or cancelled; two runners and one clock."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lse import names
from lse.platform.catalogue import Catalogue
from lse.platform.catalogue.operation_record import Attempt
from lse.platform.catalogue.operations import OperationStore
from lse.platform.catalogue.records.record import Facts, Record
from lse.platform.operations.heartbeat_watch import HeartbeatWatch
from lse.progress import Progress

STALE, GAP, TASKS = 30.0, 20.0, 4


class Spec(Facts):
    pass


class Result(Facts):
    pass


class NumbersRecord(Record[Spec, Result]):
    pattern: ClassVar = names.DATASET


@dataclass
class Runner:
    """What a process remembers of its work; all of it is lost when it is killed."""

    name: str
    watch: HeartbeatWatch
    working: list[Attempt] = field(default_factory=list)
    silent_since: float | None = None

    @property
    def alive(self) -> bool:
        return self.silent_since is None


class Attempts(RuleBasedStateMachine):
    """Two runners, one operation, one clock."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.catalogue = Catalogue(f"sqlite:///{Path(self.folder.name) / 'catalogue.db'}")
        self.catalogue.migrate()
        self.store = OperationStore(self.catalogue)
        self.now = 0.0
        self.runners = [Runner(name, self.new_watch()) for name in ("a", "b")]
        self.operation = self.store.create("Work", NumbersRecord(name="projects/p/datasets/d", spec=Spec())).name
        self.kept: list[int] = []
        self.ended = 0

    def new_watch(self) -> HeartbeatWatch:
        return HeartbeatWatch(stale_seconds=STALE, gap_seconds=GAP, clock=lambda: self.now)

    def teardown(self) -> None:
        self.catalogue.close()
        self.folder.cleanup()

    def look(self, runner: Runner) -> None:
        """One round of a runner's loop: beat, drop what is not its own any more, claim."""
        still = self.store.heartbeat(runner.working) if runner.working else {}
        runner.working = [attempt for attempt in runner.working if attempt.operation in still]
        mine = {attempt.operation for attempt in runner.working}
        others = {name: beat for name, beat in self.store.unfinished(["Work"])[0].items() if name not in mine}
        for claimed in self.store.claim(runner.name, ["Work"], limit=1, lost=runner.watch.lost(others)):
            runner.working.append(Attempt(claimed.name, runner.name, claimed.attempts))
            for other in self.runners:
                # A living owner is never robbed: the other one was silent for long.
                if other is not runner and other.working:
                    assert not other.alive
                    assert self.now - other.silent_since >= STALE - GAP  # type: ignore[operator]

    @rule(seconds=st.sampled_from([1.0, 10.0, 19.0, 60.0]))
    def time_passes(self, seconds: float) -> None:
        # Runners look every ten seconds at the least.
        while seconds > 0:
            step = min(seconds, 10.0)
            self.now += step
            seconds -= step
            for runner in self.runners:
                if runner.alive:
                    self.look(runner)

    @rule(which=st.integers(0, 1))
    def suspend(self, which: int) -> None:
        runner = self.runners[which]
        runner.silent_since = self.now if runner.alive else runner.silent_since

    @rule(which=st.integers(0, 1))
    def resume(self, which: int) -> None:
        self.runners[which].silent_since = None

    @rule(which=st.integers(0, 1))
    def kill_and_restart(self, which: int) -> None:
        runner = self.runners[which] = Runner(self.runners[which].name, self.new_watch())
        self.store.release(runner.name, lost=True)

    @rule(which=st.integers(0, 1))
    def work(self, which: int) -> None:
        # Also just after it was resumed, before it could look whether the work is still its own.
        for attempt in self.runners[which].working if self.runners[which].alive else ():
            done = self.store.task_results(self.operation, "s")
            number = len(done)
            if number < TASKS and self.store.save_task(attempt, "s", f"t{number}", number):
                self.kept.append(number)
                self.store.save_progress(attempt, Progress("s", number + 1, TASKS, "tasks"), rate=0.0, stages=[])

    @rule(which=st.integers(0, 1))
    def finish(self, which: int) -> None:
        runner = self.runners[which]
        for attempt in list(runner.working) if runner.alive else ():
            if len(self.kept) == TASKS:
                self.ended += self.store.finish(attempt, state="succeeded")
                runner.working.remove(attempt)

    @precondition(lambda self: self.ended == 0)
    @rule()
    def a_living_runner_takes_it_up_in_the_end(self) -> None:
        self.runners[0].silent_since = None
        for _ in range(10):
            self.time_passes(10.0)
        assert any(attempt.operation == self.operation for runner in self.runners for attempt in runner.working)

    @invariant()
    def every_task_is_kept_once_and_the_end_comes_once(self) -> None:
        assert self.kept == sorted(set(self.kept))
        assert self.ended == self.store.get(self.operation).done


TestAttempts = Attempts.TestCase
TestAttempts.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
