"""Ranks of similar images against plain float64, on ordinary and hard vectors, page by page."""

from __future__ import annotations

import numpy as np
import pytest

from lse.analysis.neighbours import unit_vectors
from lse.services.search.queries import contrast
from lse.services.search.ranking import After, Block, Found, ask_index, rank_all, rank_clusters


def blocks(points: np.ndarray, rows: np.ndarray) -> list[Block]:
    return [Block(part, points[part], unit_vectors(points[part])) for part in np.array_split(rows, 3) if len(part)]


def cosines(points: np.ndarray, vector: np.ndarray) -> np.ndarray:
    exact, query = points.astype(np.float64), vector.astype(np.float64)
    lengths = np.linalg.norm(exact, axis=1)
    return exact @ query / np.where(lengths > 0, lengths, 1) / np.linalg.norm(query)


def every_page(ask, count: int) -> Found:
    """All images of a search, so many at a time."""
    parts, after = [], None
    while len((page := ask(count, after)).rows):
        parts.append(page)
        after = After(float(page.similarities[-1]), int(page.rows[-1]))
    return Found(np.concatenate([p.rows for p in parts]), np.concatenate([p.similarities for p in parts]))


def in_order(similarities: np.ndarray) -> bool:
    return bool((np.diff(similarities) <= 0).all())


def test_all_images_come_once_and_in_order_whatever_the_page(labelled):
    points, labels = labelled
    rows = np.flatnonzero(labels != 1)
    expected = cosines(points, points[0])
    for count in (1, 7, 500):
        found = every_page(lambda n, after: rank_all(blocks(points, rows), points[0], n, after), count)
        assert sorted(found.rows) == rows.tolist()
        assert found.similarities == pytest.approx(expected[found.rows], abs=1e-12)
        assert in_order(found.similarities)


def test_best_of_each_cluster(labelled):
    points, labels = labelled
    expected = cosines(points, points[0])
    found = every_page(
        lambda n, after: rank_clusters(blocks(points, np.arange(len(points))), points[0], labels, n, after), 2
    )
    assert sorted(labels[found.rows]) == np.unique(labels).tolist()
    best = {label: expected[labels == label].max() for label in np.unique(labels)}
    assert found.similarities == pytest.approx([best[label] for label in labels[found.rows]], abs=1e-12)
    assert in_order(found.similarities)


def test_an_index_is_asked_for_more_until_enough_may_be_found():
    random = np.random.default_rng(1)
    points = random.normal(size=(400, 5)).astype(np.float32)
    similarities = cosines(points, points[0]).astype(np.float32).astype(np.float64)
    nearest, asked = np.argsort(-similarities, kind="stable"), []

    def ask(limit: int) -> Found:
        asked.append(limit)
        return Found(nearest[:limit], similarities[nearest[:limit]])

    allowed = np.zeros(400, bool)
    allowed[nearest[200:]] = True  # none of the nearest ones
    found = ask_index(ask, allowed, 400, 10, seen=0, after=None)
    assert found.rows.tolist() == nearest[200:210].tolist()
    assert len(asked) > 1
    after = After(float(found.similarities[-1]), int(found.rows[-1]))
    assert ask_index(ask, allowed, 400, 10, seen=10, after=after).rows.tolist() == nearest[210:220].tolist()
    assert ask_index(ask, None, 400, 500, seen=0, after=None).rows.tolist() == nearest.tolist()


def test_examples_are_weighed_by_their_directions():
    random = np.random.default_rng(2)
    positive, negative = random.normal(size=(2, 6, 4)).astype(np.float32)
    positive[0] *= 1e10
    unit = [part / np.linalg.norm(part.astype(np.float64), axis=1, keepdims=True) for part in (positive, negative)]
    expected = 2 * unit[0].mean(axis=0) - unit[1].mean(axis=0)
    assert contrast(positive, negative) == pytest.approx(expected, abs=1e-6)
    assert contrast(positive, negative[:0]) == pytest.approx(unit[0].mean(axis=0), abs=1e-6)
