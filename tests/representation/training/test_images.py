"""Reading the images of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from lse.errors import CancelledError, InvalidArgumentError
from lse.representation.training.images import TrainingImages

if TYPE_CHECKING:
    from pathlib import Path

    from lse.progress import Progress


def _ignore(_: Progress) -> None:
    pass


def _never() -> bool:
    return False


def _numbered(count: int) -> np.ndarray:
    """Images that each hold their own number in every pixel."""
    return np.broadcast_to(np.arange(count, dtype=np.float32)[:, None, None, None], (count, 1, 4, 4)).copy()


def _numbers(batches: list[np.ndarray]) -> list[int]:
    return np.concatenate(batches)[:, 0, 0, 0].astype(int).tolist()


@given(
    count=st.integers(4, 90),
    batch_size=st.integers(2, 40),
    seed=st.integers(0, 5),
    streamed=st.booleans(),
    first_step=st.integers(0, 30),
)
@settings(max_examples=40, deadline=None)
def test_an_epoch_has_every_image_once_and_going_on_gives_the_same_batches(
    count: int, batch_size: int, seed: int, streamed: bool, first_step: int
) -> None:
    rows = np.arange(1, count)  # all but the first
    limits = {"memory_limit": 0, "pool_bytes": 600} if streamed else {}
    images = TrainingImages(_numbered(count), rows, **limits)
    images.read(_ignore, _never)
    per_epoch = images.steps_per_epoch(batch_size)
    steps = 3 * per_epoch
    whole = list(images.batches(seed=seed, batch_size=batch_size, first_step=0, steps=steps))
    assert len(whole) == steps
    for epoch in range(3):
        assert sorted(_numbers(whole[epoch * per_epoch : (epoch + 1) * per_epoch])) == rows.tolist()
    sizes = {len(batch) for batch in whole}
    assert min(sizes) >= 2
    assert max(sizes) - min(sizes) <= 1
    first_step = min(first_step, steps)
    rest = list(images.batches(seed=seed, batch_size=batch_size, first_step=first_step, steps=steps))
    assert _numbers([*whole[first_step:], whole[0]]) == _numbers([*rest, whole[0]])


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    images = TrainingImages(_numbered(50))
    images.read(_ignore, _never)
    orders = [
        _numbers(list(images.batches(seed=seed, batch_size=50, first_step=step, steps=step + 1)))
        for seed in (0, 1)
        for step in (0, 1)
    ]
    assert len({tuple(order) for order in orders}) == 4


def test_zarr_in_memory_and_streamed_are_measured_alike(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).normal(3, [[[[2]], [[5]]]], size=(70, 2, 8, 8)).astype(np.float32)
    stored = zarr.create_array(tmp_path / "images.zarr", shape=pixels.shape, dtype="f4", chunks=(16, 2, 8, 8))
    stored[:] = pixels
    in_memory = TrainingImages(stored).read(_ignore, _never)
    streamed = TrainingImages(stored, memory_limit=0, pool_bytes=1).read(_ignore, _never)
    assert in_memory == streamed == TrainingImages(pixels).read(_ignore, _never)
    np.testing.assert_allclose(in_memory.mean, pixels.mean(axis=(0, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(in_memory.std, pixels.std(axis=(0, 2, 3)), rtol=1e-5)


def test_one_changed_pixel_changes_the_digest() -> None:
    images = _numbered(10)
    before = TrainingImages(images).read(_ignore, _never).digest
    images[3, 0, 2, 2] += 1e-3
    assert TrainingImages(images).read(_ignore, _never).digest != before


def test_a_constant_band_is_left_as_it_is() -> None:
    images = np.random.default_rng(0).normal(size=(10, 2, 4, 4)).astype(np.float32)
    images[:, 1] = 7
    assert TrainingImages(images).read(_ignore, _never).std[1] == 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(value: float) -> None:
    images = _numbered(10)
    images[2, 0, 1, 1] = value
    with pytest.raises(InvalidArgumentError, match="not finite"):
        TrainingImages(images).read(_ignore, _never)


def test_equal_images_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="nothing to learn"):
        TrainingImages(np.full((10, 3, 4, 4), 0.3, dtype=np.float32)).read(_ignore, _never)


@pytest.mark.parametrize("rows", [[], [3]])
def test_fewer_than_two_images_are_refused(rows: list[int]) -> None:
    with pytest.raises(InvalidArgumentError, match="at least two images"):
        TrainingImages(_numbered(10), np.array(rows, dtype=np.int64))


def test_rows_that_do_not_exist_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="between 0 and 9"):
        TrainingImages(_numbered(10), np.array([1, 10]))


def test_reading_can_be_cancelled() -> None:
    with pytest.raises(CancelledError):
        TrainingImages(_numbered(10)).read(_ignore, lambda: True)
