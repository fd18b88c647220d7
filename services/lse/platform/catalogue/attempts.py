"""Operations in the catalogue, as those see them who do the work."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, or_, select, update

from lse.errors import LseError
from lse.platform.catalogue.catalogue import Catalogue
from lse.platform.catalogue.operation_record import ACTIVE, Attempt, Operation, error_to_json, operation_of_row
from lse.platform.catalogue.tables import OPERATIONS, TASKS
from lse.progress import Progress

__all__ = ["AttemptStore"]


class AttemptStore:
    """Attempts at operations: only the one that an operation belongs to can keep anything.

    Parameters
    ----------
    catalogue
        The catalogue.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def release(self, owner: str, *, lost: bool = False) -> None:
        """Give up all operations of an owner, so that they are claimed again at once.

        Parameters
        ----------
        owner
            The owner.
        lost
            Whether it ended without a word, as by ``kill -9``.
        """
        with self._catalogue.transaction() as connection:
            mine = and_(OPERATIONS.c.owner == owner, OPERATIONS.c.state == "running")
            for row in connection.execute(select(OPERATIONS).where(mine).with_for_update()).all() if lost else ():
                connection.execute(update(OPERATIONS).where(OPERATIONS.c.name == row.name).values(**_lost(row)))
            connection.execute(update(OPERATIONS).where(OPERATIONS.c.owner == owner).values(owner=None))

    def unfinished(self, kinds: Iterable[str]) -> tuple[dict[str, float], bool]:
        """Last heartbeats of the operations of some kinds that are being worked on, and whether others wait."""
        active = and_(OPERATIONS.c.state.in_(ACTIVE), OPERATIONS.c.kind.in_(list(kinds)))
        with self._catalogue.reading() as connection:
            rows = connection.execute(
                select(OPERATIONS.c.name, OPERATIONS.c.owner, OPERATIONS.c.heartbeat).where(active)
            ).all()
        owned = {row.name: row.heartbeat for row in rows if row.owner is not None}
        return owned, len(owned) < len(rows)

    def claim(
        self, owner: str, kinds: Iterable[str], *, limit: int, lost: Mapping[str, float] | None = None
    ) -> list[Operation]:
        """Take operations that nobody works on, oldest first.

        Parameters
        ----------
        owner
            Who takes them.
        kinds
            Kinds that the owner can do.
        limit
            At most so many.
        lost
            Operations whose owners count as lost, with the heartbeat that they were last seen with: one that was
            heard of since is left to its owner.
        """
        now = time.time()
        silent = [
            and_(OPERATIONS.c.name == name, OPERATIONS.c.heartbeat == beat) for name, beat in (lost or {}).items()
        ]
        free = and_(
            OPERATIONS.c.state.in_(ACTIVE),
            OPERATIONS.c.kind.in_(list(kinds)),
            or_(OPERATIONS.c.owner.is_(None), *silent),
        )
        with self._catalogue.transaction() as connection:
            rows = connection.execute(
                select(OPERATIONS)
                .where(free)
                .order_by(OPERATIONS.c.create_time)
                .limit(limit)
                .with_for_update(skip_locked=True)
            ).all()
            claimed = []
            for row in rows:
                taken = {"state": "running", "attempts": row.attempts + 1, "start_time": now}
                if row.owner is not None:
                    taken |= _lost(row)
                connection.execute(
                    update(OPERATIONS)
                    .where(OPERATIONS.c.name == row.name)
                    .values(owner=owner, heartbeat=now, update_time=now, **taken)
                )
                taken.pop("lost_at", None)
                claimed.append(replace(operation_of_row(row), **taken))
        return claimed

    def heartbeat(self, attempts: Iterable[Attempt]) -> dict[str, bool]:
        """Tell that operations are being worked on; whether each, if still of that attempt, is to be cancelled."""
        mine = or_(*map(_of_attempt, attempts))
        with self._catalogue.transaction() as connection:
            connection.execute(update(OPERATIONS).where(mine).values(heartbeat=time.time()))
            rows = connection.execute(select(OPERATIONS.c.name, OPERATIONS.c.cancel_requested).where(mine)).all()
        return {row.name: row.cancel_requested for row in rows}

    def save_progress(
        self,
        attempt: Attempt,
        progress: Progress,
        *,
        rate: float,
        stages: Sequence[tuple[str, float]],
        waiting_for: str = "",
    ) -> bool:
        """Keep how far an operation has come and what it waits for; False where it is not this attempt's any more."""
        kept = {
            "stage": progress.stage,
            "done": progress.done,
            "total": progress.total,
            "unit": progress.unit,
            "rate": rate,
            "metrics": dict(progress.metrics),
            "waiting_for": waiting_for,
        }
        values = {"progress": kept, "stages": [list(stage) for stage in stages], "update_time": time.time()}
        with self._catalogue.transaction() as connection:
            changed = connection.execute(update(OPERATIONS).where(_of_attempt(attempt)).values(**values))
        return bool(changed.rowcount)

    def task_results(self, name: str, stage: str) -> dict[str, Any]:
        """Results of the finished tasks of a stage."""
        with self._catalogue.reading() as connection:
            rows = connection.execute(
                select(TASKS.c.task, TASKS.c.result).where(TASKS.c.operation == name, TASKS.c.stage == stage)
            ).all()
        return {row.task: row.result for row in rows}

    def save_task(self, attempt: Attempt, stage: str, task: str, result: Any) -> bool:
        """Keep the result of a finished task; False where the operation is not this attempt's any more."""
        with self._catalogue.transaction() as connection:
            mine = _of_attempt(attempt)
            # The row stays locked to the end, so that nobody takes it over in between.
            if not connection.execute(update(OPERATIONS).where(mine).values(update_time=time.time())).rowcount:
                return False
            connection.execute(insert(TASKS).values(operation=attempt.operation, stage=stage, task=task, result=result))
        return True

    def finish(
        self,
        attempt: Attempt,
        *,
        state: str,
        stages: Sequence[tuple[str, float]] = (),
        error: LseError | None = None,
        change: Callable[[Connection], bytes | None] | None = None,
    ) -> bool:
        """End an operation and, in the same step, change its target.

        Parameters
        ----------
        attempt
            Who works on it.
        state, stages, error
            How it ended.
        change
            Changes the target within the transaction; gives the response of the operation, if it has one.

        Returns
        -------
        bool
            False where the operation belongs to another attempt by now: nothing was kept.
        """
        now = time.time()
        ended = {
            "state": state,
            "error": None if error is None else error_to_json(error),
            "stages": [list(stage) for stage in stages],
            "owner": None,
            "update_time": now,
            "end_time": now,
        }
        mine = _of_attempt(attempt)
        with self._catalogue.transaction() as connection:
            if not connection.execute(update(OPERATIONS).where(mine).values(**ended)).rowcount:
                return False
            response = change(connection) if change is not None else None
            if response is not None:
                connection.execute(
                    update(OPERATIONS)
                    .where(OPERATIONS.c.name == attempt.operation)
                    .values(response=base64.b64encode(response).decode())
                )
            connection.execute(delete(TASKS).where(TASKS.c.operation == attempt.operation))
        return True


def _of_attempt(attempt: Attempt) -> ColumnElement[bool]:
    """Condition that an operation still belongs to an attempt."""
    return and_(
        OPERATIONS.c.name == attempt.operation,
        OPERATIONS.c.owner == attempt.owner,
        OPERATIONS.c.attempts == attempt.number,
        OPERATIONS.c.state == "running",
    )


def _lost(row: Row[Any]) -> dict[str, Any]:
    """Columns of an operation whose owner was lost: it counts where that one got no further than the one before."""
    reached = [row.progress.get("stage", ""), row.progress.get("done", 0)]
    return {"losses": row.losses + 1 if reached == row.lost_at else 1, "lost_at": reached}
