"""Bounded caches that threads share."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import numpy as np
import pytest

from lse.errors import NotFoundError
from lse_dashboard.data.cache import BoundedCache
from lse_dashboard.data.thumbnails import ThumbnailStore


def test_the_longest_unused_values_go_first() -> None:
    cache: BoundedCache[bytes] = BoundedCache(10, len)
    for key in "abc":
        cache.put(key, b"xxxx")
        cache.get("a")
    assert cache.get("a") is not None
    assert cache.get("b") is None
    assert cache.used == 8


def test_a_value_larger_than_the_budget_is_kept_alone() -> None:
    cache: BoundedCache[bytes] = BoundedCache(10, len)
    cache.put("small", b"x")
    cache.put("large", b"x" * 50)
    assert len(cache) == 1
    assert cache.get("large") is not None


def test_what_is_in_use_is_shared_even_beyond_the_budget() -> None:
    cache: BoundedCache[np.ndarray] = BoundedCache(10, lambda value: value.nbytes)
    used = cache.get_or_make("used", lambda: np.zeros(8, np.uint8))
    cache.put("other", np.zeros(8, np.uint8))
    assert cache.get_or_make("used", lambda: np.ones(8, np.uint8)) is used
    del used
    assert cache.get("used") is None
    assert cache.used == 8


def test_threads_that_want_the_same_value_make_it_once() -> None:
    cache: BoundedCache[bytes] = BoundedCache(100, len)
    made = []

    def make() -> bytes:
        made.append(1)
        time.sleep(0.05)
        return b"value"

    threads = [threading.Thread(target=cache.get_or_make, args=("key", make)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]


def test_a_failure_is_not_kept() -> None:
    cache: BoundedCache[bytes] = BoundedCache(100, len)

    def fail() -> bytes:
        raise NotFoundError("There is none.")

    with pytest.raises(NotFoundError):
        cache.get_or_make("key", fail)
    assert cache.get_or_make("key", lambda: b"now") == b"now"


def test_thumbnails_are_fetched_together_and_once() -> None:
    calls: list[list[int]] = []

    def fetch(project: str, dataset: str, rows: Sequence[int]) -> list[bytes]:
        calls.append(list(rows))
        return [b"%d" % row for row in rows]

    store = ThumbnailStore(fetch, BoundedCache(100, len))
    store.prefetch("p", "d", "v", [3, 1, 3])
    store.prefetch("p", "d", "v", [1, 2])
    assert store.get("p", "d", "v", 3) == b"3"
    assert store.get("p", "d", "other", 3) == b"3"
    assert calls == [[3, 1], [2], [3]]
