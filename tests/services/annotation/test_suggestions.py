"""Suggestions of images to label."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lse.analysis.suggestions import suggest, suggest_images
from lse.analysis.suggestions.farthest import farthest_first
from lse.client import Client
from lse.errors import InvalidArgumentError, NotFoundError
from world import World


def groups(sizes: list[int], *, seed: int = 0, spread: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Vectors around the axes of a space, one group an axis, and the group of each."""
    random = np.random.default_rng(seed)
    which = np.repeat(np.arange(len(sizes)), sizes)
    return (np.eye(len(sizes) + 3)[which] + random.normal(scale=spread, size=(len(which), len(sizes) + 3))), which


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 6), st.integers(1, 50), st.integers(0, 5), st.integers(0, 10**6))
def test_each_point_chosen_is_the_farthest_left(count: int, width: int, wanted: int, known: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    points = random.normal(size=(count, width)).astype(np.float32)
    before = random.normal(size=(known, width)).astype(np.float32)
    chosen = farthest_first(points, count=wanted, known=before)
    assert len(chosen) == min(wanted, count)
    assert len(set(chosen.tolist())) == len(chosen)
    for place, index in enumerate(chosen):
        centres = np.concatenate([before, points[chosen[:place]]])
        if len(centres):
            apart = np.linalg.norm(points[:, None] - centres[None], axis=2).min(axis=1)
            apart[chosen[:place]] = 0
            assert apart[index] >= apart.max() - 1e-3


def test_points_that_coincide_are_all_chosen_once() -> None:
    assert sorted(farthest_first(np.ones((5, 2), np.float32), count=9)) == [0, 1, 2, 3, 4]


def test_the_first_images_come_from_every_group() -> None:
    vectors, which = groups([500, 40, 5, 200])
    found = suggest_images(vectors, {}, ["a", "b"], count=4)
    assert sorted(which[found.rows]) == [0, 1, 2, 3]
    assert "cover latent space" in found.notes[0]


def test_images_are_far_from_those_labelled_with_the_only_class() -> None:
    vectors, which = groups([100, 100, 100])
    found = suggest_images(vectors, {0: "a", 100: "a"}, ["a", "b"], count=1)
    assert which[found.rows].tolist() == [2]


def test_images_between_classes_come_first() -> None:
    vectors, which = groups([100, 100])
    mixed = (vectors[:10] + vectors[100:110]) / 2
    everything = np.concatenate([vectors, mixed])
    labels = {row: "ab"[which[row]] for row in [0, 1, 2, 3, 150, 151, 152]}
    found = suggest_images(everything, labels, ["a", "b"], count=10)
    assert found.notes == ()
    assert len(found.rows) == 10
    # Chosen from the hundred least certain, so as to be unlike each other: the first is the least certain of all.
    assert found.rows[0] >= 200
    assert not set(found.rows.tolist()) & set(labels)


def test_a_class_without_images_keeps_the_search_open() -> None:
    vectors, which = groups([100, 100, 4])
    labels = {0: "a", 1: "a", 150: "b"}
    found = suggest_images(vectors, labels, ["a", "b", "c"], count=6)
    assert found.notes == ("No image is labelled 'c' yet: every second image covers latent space.",)
    assert len(set(found.rows.tolist())) == 6
    assert 2 in which[found.rows]


def test_labelling_what_is_suggested_learns_faster_than_chance() -> None:
    """The point of it: with as many labels, a classifier knows more classes than with labels drawn at random."""
    from sklearn.linear_model import LogisticRegression

    vectors, which = groups([900, 60, 20, 12, 8], spread=0.25)
    classes = [str(number) for number in range(5)]

    def accuracy(rows: list[int]) -> float:
        model = LogisticRegression(max_iter=500).fit(vectors[rows], which[rows])
        right = model.predict(vectors) == which
        return float(np.mean([right[which == number].mean() for number in range(5)]))

    labels: dict[int, str] = {}
    for _ in range(6):
        rows = suggest_images(vectors, labels, classes, count=8).rows
        labels |= {int(row): str(which[row]) for row in rows}
    chance = [accuracy([*np.random.default_rng(seed).choice(1000, 46, replace=False), 0, 900]) for seed in range(10)]
    assert accuracy(list(labels)) > np.mean(chance) + 0.2


def test_samples_of_very_many_images_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggest, "_WORK", 1e5)
    monkeypatch.setattr(suggest, "_MOST_TRAINED_ON", 50)
    vectors, which = groups([2000, 2000])
    labels = {row: "ab"[which[row]] for row in [*range(100), 2500]}
    found = suggest_images(vectors, labels, ["a", "b", "c"], count=20)
    assert len(found.rows) == 20
    assert "50 of 101 labelled images were learned from, drawn at random." in found.notes
    assert any("unlabelled images were looked at" in note for note in found.notes)
    again = suggest_images(vectors, labels, ["a", "b", "c"], count=20)
    assert again.rows.tolist() == found.rows.tolist()


def test_nothing_is_left_to_label() -> None:
    found = suggest_images(np.ones((2, 2)), {0: "a", 1: "b"}, ["a"], count=5)
    assert found.rows.tolist() == []
    assert found.notes == ("All images are labelled.",)


def test_the_service_suggests_until_all_are_labelled(client: Client, world: World) -> None:
    vectors, which = groups([30, 20, 10])
    dataset = world.dataset("d", [{} for _ in which] + [{}])  # one was added after the experiment
    world.experiment("x", dataset, vectors)
    client.label_schemes.create("s", classes=["0", "1", "2"])
    seen: set[int] = set()
    while rows := list(client.labels.suggest("s", experiment="x", count=15).rows):
        assert not seen & set(rows)
        seen |= set(rows)
        for group in set(which[rows]):
            chosen = [row for row in rows if which[row] == group]
            client.labels.set("s", dataset="d", rows=chosen, label=str(group))
        client.labels.set("s", dataset="d", rows=[60], label="0")
    assert seen == set(range(60))
    with pytest.raises(NotFoundError, match="no experiment named 'y'"):
        client.labels.suggest("s", experiment="y")
    with pytest.raises(InvalidArgumentError, match="images are not possible: choose 1 to 1000"):
        client.labels.suggest("s", experiment="x", count=-1)
