"""Work that would make the page wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from lse.platform.errors import LseError

__all__ = ["Background", "immediately"]

ResultT = TypeVar("ResultT")


class Background(Protocol):
    """Runs work elsewhere and brings its result back to the session."""

    def __call__(
        self,
        work: Callable[[], ResultT],
        then: Callable[[ResultT], None],
        failed: Callable[[LseError], None],
        /,
    ) -> None:
        """Run `work`, then `then` with its result or `failed` with its error, where the session may change."""


def immediately(
    work: Callable[[], ResultT],
    then: Callable[[ResultT], None],
    failed: Callable[[LseError], None],
    /,
) -> None:
    """Run work at once: for scripts and tests, where nobody waits."""
    try:
        result = work()
    except LseError as error:
        failed(error)
    else:
        then(result)
