"""Concepts of vectors that are known to be made of some directions."""

from __future__ import annotations

import numpy as np
import pytest

from lse.analysis.followed import properties_of, what_follows
from lse.errors import CancelledError, FailedPreconditionError
from lse.representation.explanation.concepts import learn_concepts

GROUPS = 8


def test_concepts_find_groups_and_follow_their_names() -> None:
    chance = np.random.default_rng(1)
    kinds = chance.integers(GROUPS, size=600)
    size = chance.normal(size=600)
    vectors = (3 * np.eye(GROUPS, 12)[kinds] + 0.3 * chance.normal(size=(600, 12))).astype(np.float32)
    vectors[:, 11] += 3 * size
    found = learn_concepts(vectors, count=48, seed=2)
    assert len(found.atoms) <= 48
    np.testing.assert_allclose(np.linalg.norm(found.atoms, axis=1), 1, rtol=1e-5)
    assert (np.diff(found.counts) <= 0).all()
    assert found.explained > 0.6

    names = np.array([f"kind {kind}" for kind in kinds])
    properties = properties_of({"class": names}, {"size": size, "nothing": chance.normal(size=600)})
    followed = what_follows(found.strengths(vectors), properties)
    proven = [each for each in followed if each is not None and each.auroc >= 0.9 and each.p_value < 0.01]
    assert len(proven) >= len(followed) // 2
    assert any("class" in each.text for each in proven)
    assert any("size" in each.text for each in proven)

    # A number that follows nothing is not said to.
    (none,) = what_follows(chance.normal(size=(600, 1)).astype(np.float32), properties)
    assert none is not None
    assert none.auroc < 0.8
    assert what_follows(found.strengths(vectors)[:, :2], ()) == (None, None)


def test_too_few_images_and_a_cancellation_end_it() -> None:
    vectors = np.random.default_rng(0).normal(size=(120, 4)).astype(np.float32)
    with pytest.raises(FailedPreconditionError, match="too few") as caught:
        learn_concepts(vectors[:50])
    assert caught.value.reason == "DATASET_IMAGES_TOO_FEW"
    with pytest.raises(CancelledError):
        learn_concepts(vectors, should_stop=lambda: True)
