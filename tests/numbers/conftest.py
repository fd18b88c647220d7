"""Ordinary and hard data, on which every figure must be that of an independent computation in float64."""

from __future__ import annotations

import numpy as np
import pytest

Labelled = tuple[np.ndarray, np.ndarray]


def _ordinary() -> Labelled:
    random = np.random.default_rng(0)
    labels = random.integers(0, 4, 120)
    return random.normal(size=(4, 6))[labels] * 2 + random.normal(size=(120, 6)), labels


def _large_mean() -> Labelled:
    points, labels = _ordinary()
    return points + 3000, labels


def _ties() -> Labelled:
    points, labels = _ordinary()
    return np.round(points / 2), labels


def _duplicates() -> Labelled:
    points, labels = _ordinary()
    return np.repeat(points[:30], 4, axis=0), np.repeat(labels[:30], 4)


def _imbalance() -> Labelled:
    points, _ = _ordinary()
    return points, np.where(np.arange(120) < 2, 1, np.where(np.arange(120) < 5, 2, 0))


def _tiny() -> Labelled:
    points, _ = _ordinary()
    return points[:5], np.array([0, 0, 1, 1, 1])


def _far_groups() -> Labelled:
    points, labels = _ordinary()
    return points + 1e5 * (labels == 3)[:, None], labels


HARD = {
    "ordinary": _ordinary,
    "large mean": _large_mean,
    "ties": _ties,
    "duplicates": _duplicates,
    "imbalance": _imbalance,
    "tiny": _tiny,
    "far groups": _far_groups,
}


@pytest.fixture(params=HARD)
def labelled(request: pytest.FixtureRequest) -> Labelled:
    """Points, float32 as they are stored, and labels."""
    points, labels = HARD[request.param]()
    return points.astype(np.float32), np.unique(labels, return_inverse=True)[1]
