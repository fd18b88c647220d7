"""What is away for a while: how it is recognised, and how long and how often it is asked again."""

from __future__ import annotations

import errno
import random
import time
from collections.abc import Callable
from typing import TypeGuard

from prometheus_client import Counter

from lse.errors import DeadlineExceededError, LseError, UnavailableError

__all__ = ["Patience", "artifacts_away", "count_failure", "failure_count", "is_outage", "is_transport_fault"]

# Of what the work of an operation needs. A port that is taken, say, does not become free by waiting.
_OUTAGES = frozenset(
    (
        *("ARTIFACTS_UNAVAILABLE", "DATABASE_UNAVAILABLE", "COMPUTE_UNAVAILABLE", "COMPUTE_LOST"),
        "SOURCES_UNAVAILABLE",
        *("VECTOR_STORE_UNAVAILABLE", "VECTOR_STORE_TIMEOUT", "TRITON_UNAVAILABLE", "TRITON_TIMEOUT"),
    )
)
_AWAY = frozenset(
    (
        *(errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ENODEV, errno.ENXIO, errno.EBUSY, errno.EREMOTEIO),
        *(errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN),
        *(errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE),
    )
)
# By name, since most processes never import the clients of object stores.
_TRANSPORT = frozenset(
    (
        *("botocore.exceptions.HTTPClientError", "botocore.exceptions.ConnectionError"),
        *("botocore.parsers.ResponseParserError", "fsspec.exceptions.FSTimeoutError"),
        *("aiohttp.client_exceptions.ClientConnectionError", "aiohttp.client_exceptions.ClientPayloadError"),
    )
)

_FAILED = Counter("lse_store_errors_total", "Times that something was away or too slow when it was needed.", ["store"])

_FIRST_SECONDS = 0.5
_LONGEST_SECONDS = 15.0


def count_failure(store: str) -> None:
    """Count that a store was away: ``artifacts``, ``catalogue``, ``compute``, ``triton`` or ``vectors``."""
    _FAILED.labels(store).inc()


def failure_count() -> float:
    """How often this process found anything away."""
    samples = (sample for metric in _FAILED.collect() for sample in metric.samples)
    return sum(sample.value for sample in samples if sample.name.endswith("_total"))


def is_outage(error: BaseException | None) -> TypeGuard[LseError]:
    """Whether an error says that something which work needs is away, so that trying again later may help."""
    return isinstance(error, UnavailableError | DeadlineExceededError) and error.reason in _OUTAGES


def is_transport_fault(error: BaseException) -> bool:
    """Whether an error of a disk or an object store says that it cannot be reached."""
    if isinstance(error, OSError) and error.errno in _AWAY:
        return True
    return any(f"{cls.__module__}.{cls.__qualname__}" in _TRANSPORT for cls in type(error).__mro__)


def artifacts_away(url: str, error: BaseException) -> UnavailableError:
    """Error that says that the disk or bucket of the artifacts cannot be used."""
    count_failure("artifacts")
    return UnavailableError(
        f"The artifacts at {url} cannot be used ({' '.join(str(error).split())}): check that their disk or bucket is "
        "there and that this process may read and write it.",
        reason="ARTIFACTS_UNAVAILABLE",
    )


class Patience:
    """How long work waits for what is away: longer each time, a little at random, until a limit.

    The limit begins anew whenever the work has come further.

    Parameters
    ----------
    seconds
        Limit.
    clock
        Monotonic clock, in seconds.

    Examples
    --------
    >>> now = [0.0]
    >>> patience = Patience(20, clock=lambda: now[0])
    >>> 0.25 <= patience.pause("first") <= 0.5 and 0.5 <= patience.pause("first") <= 1
    True
    >>> now[0] = 21.0
    >>> patience.pause("first") is None, patience.pause("second") is None
    (True, False)
    """

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._reached: object = None
        self._since = 0.0
        self._pauses = 0

    def pause(self, reached: object) -> float | None:
        """Seconds to wait now; None once the limit is over.

        Parameters
        ----------
        reached
            How far the work has come; compared with what it was before.
        """
        now = self._clock()
        if not self._pauses or reached != self._reached:
            self._reached, self._since, self._pauses = reached, now, 0
        if now - self._since >= self._seconds:
            return None
        longest = min(_LONGEST_SECONDS, _FIRST_SECONDS * 2.0**self._pauses)
        self._pauses += 1
        # Many that wait for the same server are not to come back all at once.
        return longest * random.uniform(0.5, 1.0)  # noqa: S311  # nothing secret
