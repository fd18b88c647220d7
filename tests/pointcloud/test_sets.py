"""Sets of points: the same as masks, whatever lies in them."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lse.pointcloud.sets import PointSet

runs = st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 9_000)), max_size=5)


def drawn(size: int, seed: int, share: float, full: list[tuple[int, int]]) -> np.ndarray:
    """A mask with runs of points besides those at random."""
    mask: np.ndarray = np.random.default_rng(seed).random(size) < share
    for first, count in full:
        mask[first : first + count] = True
    return mask


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 20_000), st.integers(0, 99), st.sampled_from([0.0, 0.01, 0.6, 1.0]), runs)
@example(0, 0, 0.0, [])
@example(4096, 0, 1.0, [])
def test_a_set_is_the_mask_that_it_was_made_of(size: int, seed: int, share: float, full: list[tuple[int, int]]) -> None:
    mask, other = drawn(size, seed, share, full), drawn(size, seed + 1, 0.5, [])
    points, random = PointSet.of(mask), np.random.default_rng(seed)
    assert len(points) == mask.sum()
    assert bool(points) == mask.any()
    assert np.array_equal(points.mask(), mask)
    assert np.array_equal(points.places(), np.flatnonzero(mask))
    assert np.array_equal((~points).mask(), ~mask)
    assert np.array_equal((points & PointSet.of(other)).mask(), mask & other)
    assert np.array_equal((points | PointSet.of(other)).mask(), mask | other)
    assert len(PointSet.all_of(size)) == size
    wanted = random.permutation(size)
    assert np.array_equal(points.has(wanted), mask[wanted])
    places = random.permutation(np.flatnonzero(mask)).astype(np.uint32)
    codes = random.integers(0, 4, size).astype(np.uint16)
    chosen = random.random(4) < 0.5
    assert np.array_equal(PointSet.at(places, size).mask(), mask)
    assert np.array_equal(PointSet.among(codes, chosen).mask(), chosen[codes])
    ends = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    assert np.array_equal(PointSet.runs(ends[::2], ends[1::2] - ends[::2], size).mask(), mask)


def test_what_lies_together_takes_no_bits() -> None:
    together = PointSet.runs(np.array([10_000]), np.array([1_000_000]), 10_000_000)
    assert together.nbytes < 12_000
    assert PointSet.all_of(10_000_000).nbytes < 12_000
