"""Work that would make the page wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from lse.errors import LseError

__all__ = ["Background", "Newest", "immediately"]

ResultT = TypeVar("ResultT")


class Background(Protocol):
    """Runs work elsewhere and brings its result back to the session."""

    def __call__(
        self, work: Callable[[], ResultT], then: Callable[[ResultT], None], failed: Callable[[LseError], None], /
    ) -> None:
        """Run `work`, then `then` with its result or `failed` with its error, where the session may change."""

    def soon(self, step: Callable[[], None]) -> None:
        """Run a step where the session may change, after those that were given before."""


class _Immediately:
    def __call__(
        self, work: Callable[[], ResultT], then: Callable[[ResultT], None], failed: Callable[[LseError], None], /
    ) -> None:
        try:
            result = work()
        except LseError as error:
            failed(error)
        else:
            then(result)

    def soon(self, step: Callable[[], None]) -> None:
        step()


immediately: Background = _Immediately()
"""Runs work at once: for scripts and tests, where nobody waits."""


class Newest:
    """Questions of which only the newest still matters: answers to those before it are dropped.

    Parameters
    ----------
    background
        Runs the work.
    """

    def __init__(self, background: Background) -> None:
        self._background = background
        self._ticket = 0

    def ask(
        self, work: Callable[[], ResultT], then: Callable[[ResultT], None], failed: Callable[[LseError], None]
    ) -> None:
        """Run `work`, then one of the others unless something else was asked in the meantime."""
        self.drop()
        ticket = self._ticket
        self._background(
            work,
            lambda result: then(result) if ticket == self._ticket else None,
            lambda error: failed(error) if ticket == self._ticket else None,
        )

    def drop(self) -> None:
        """Await no answer any more."""
        self._ticket += 1
