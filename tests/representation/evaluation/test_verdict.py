"""The verdict on spaces whose worth is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import ndimage

from lse.representation.evaluation.comparison import Comparison, compare
from lse.representation.evaluation.metrics import Known, judge, judge_briefly
from lse.representation.evaluation.nuisances import Nuisance
from lse.representation.evaluation.unlabelled import told_from_others
from lse.representation.evaluation.verdict import Evidence, Judged, Verdict, conclude
from lse.representation.training.run import untrained

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Encode = Callable[[NDArray[np.float32]], NDArray[np.float32]]

NOISE = np.random.default_rng(0)
SETTINGS = {"width": 4, "latent_dim": 8}


def _galaxies(count: int = 200) -> tuple[NDArray[np.float32], list[str]]:
    """Round and long sources at any angle, on backgrounds of any level."""
    random = np.random.default_rng(0)
    axis = np.arange(32) - 15.5
    images, classes = [], []
    for number in range(count):
        angle, long = random.uniform(0, np.pi), number % 2
        along = np.cos(angle) * axis[None] + np.sin(angle) * axis[:, None]
        across = np.cos(angle) * axis[:, None] - np.sin(angle) * axis[None]
        wide, narrow = (5.0, 1.2) if long else (2.4, 2.4)
        size = random.uniform(0.8, 1.2)
        source = 10 / size**2 * np.exp(-((along / wide / size) ** 2) - (across / narrow / size) ** 2)
        images.append(source + random.uniform(0, 5) + random.normal(size=(32, 32)))
        classes.append("long" if long else "round")
    return np.stack(images)[:, None].astype(np.float32), classes


IMAGES, CLASSES = _galaxies()


def _shapes(batch: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a good network would learn: size and elongation from second moments, which no background changes."""
    axis = np.arange(32) - 15.5
    found = []
    for image in ndimage.gaussian_filter(batch[:, 0], (0, 1, 1)):
        light = np.maximum(image - np.median(image) - 1, 0) * (np.hypot(axis[:, None], axis) < 12)
        light /= light.sum()
        x, y = (light.sum(axis=0) * axis).sum(), (light.sum(axis=1) * axis).sum()
        moments = [
            [(light * (axis - x) ** 2).sum(), (light * np.outer(axis - y, axis - x)).sum()],
            [0, (light * (axis[:, None] - y) ** 2).sum()],
        ]
        small, large = np.linalg.eigvalsh(moments, UPLO="U")
        found.append([np.log(large / small), 3 * np.log(large * small)])
    return np.array(found, dtype=np.float32)


def _ruined(batch: NDArray[np.float32]) -> NDArray[np.float32]:
    """A network that tells the background of an image and nothing else."""
    level = np.median(batch, axis=(1, 2, 3))
    return np.stack([np.cos(level), np.sin(level), level / 3], axis=1).astype(np.float32)


def _lost(batch: NDArray[np.float32]) -> NDArray[np.float32]:
    """A network that has lost all that it knew: its vectors have nothing to do with the images."""
    return NOISE.normal(size=(len(batch), 8)).astype(np.float32)


def _untrained(seed: int) -> Encode:
    return untrained(IMAGES, method="simclr", parameters={**SETTINGS, "seed": seed}).encode


def _verdict(encode: Encode, *, classes: bool) -> Verdict:
    known = Known(classes=CLASSES) if classes else Known()
    found = judge(IMAGES, encode, known=known, method="simclr", settings=SETTINGS)
    label_column = "class" if classes else ""
    judged = Judged(
        "net", "sky", label_column, found.images, "simclr", {**SETTINGS, "epochs": 20, "offset": 0, "noise": 0}
    )
    return conclude(judged, found.evidence)


def test_a_good_network_is_called_better() -> None:
    with_classes = _verdict(_shapes, classes=True)
    assert "separate the classes of 'class' better than pixel PCA" in with_classes.text
    assert "and better than an untrained network" in with_classes.text
    without = _verdict(_shapes, classes=False)
    assert "better than pixel PCA" in without.text
    assert "better than an untrained network" in without.text
    for verdict in (with_classes, without):
        assert verdict.sound
        assert "Try next" not in verdict.text


def test_a_network_ruined_on_purpose_is_called_worse_and_what_it_follows_is_named() -> None:
    verdict = _verdict(_ruined, classes=True)
    assert "worse than pixel PCA" in verdict.text
    assert "worse than an untrained network" in verdict.text
    assert not verdict.sound
    assert "It follows the background level" in verdict.text
    assert "Try next: `lse encoder retrain net --set offset=0.2 --set brightness=0.5`" in verdict.text


def test_a_network_that_has_lost_all_is_called_worse_without_classes_too() -> None:
    verdict = _verdict(_lost, classes=False)
    assert "worse than pixel PCA" in verdict.text
    assert not verdict.sound
    assert "Try next: `lse encoder retrain net --set epochs=60`" in verdict.text


def test_an_untrained_network_is_not_called_better() -> None:
    # Of the seed of the network that it is compared with, it is the same.
    assert "not better than an untrained network (+0.0 points" in _verdict(_untrained(0), classes=True).text
    verdict = _verdict(_untrained(3), classes=False)
    assert not verdict.sound
    assert " better than an untrained network" not in verdict.text.replace("not better", "")


def test_the_end_of_a_training_is_judged_without_classes() -> None:
    found = judge_briefly(IMAGES, _shapes, method="simclr", settings=SETTINGS)
    assert found.scores is None
    assert {each.peer for each in found.comparisons} == {"pca", "untrained"}
    assert 0.5 < found.figures["views_nearer"] <= 1
    assert 0 <= found.figures["neighbours_stable"] <= 1
    assert "background_level" in {each.key for each in found.nuisances}


def test_differences_are_paired_and_their_interval_holds_the_truth() -> None:
    random = np.random.default_rng(0)
    classes = np.repeat(["rare", "common"], [50, 950])
    inside = 0
    for _ in range(200):
        own = random.random(1000) < np.where(classes == "rare", 0.6, 0.9)
        other = own & (random.random(1000) < 0.95)
        found = compare(own, other, measure="knn", peer="pca", strata=classes)
        inside += found.low <= 0.05 * (0.6 + 0.9) / 2 <= found.high
    assert inside / 200 == pytest.approx(0.95, abs=0.05)
    same = compare(own, own, measure="knn", peer="pca", strata=classes)
    assert (same.difference, same.standing) == (0, "not better")
    assert compare(other, own, measure="knn", peer="pca", strata=classes).standing == "worse"


def test_a_space_of_backgrounds_alone_is_at_chance_among_images_of_equal_background() -> None:
    random = np.random.default_rng(0)
    background = random.normal(size=(300, 1)).astype(np.float32)
    space = np.concatenate([np.cos(background), np.sin(background)], axis=1)
    seen_again = space + random.normal(scale=0.05, size=space.shape)
    assert told_from_others(space, seen_again, background, seed=0).mean() < 0.55
    content = random.normal(size=(300, 8)).astype(np.float32)
    assert told_from_others(content, content, background, seed=0).mean() == 1


def _evidence(**changes: object) -> Evidence:
    ahead = Comparison("knn", "pca", 0.05, 0.02, 0.08)
    return Evidence(
        **{"comparisons": [ahead], "nuisances": (), "nuisances_together": 0.1, "collapsed": False, **changes}
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "settings", "changes", "advice"),
    [
        (
            "simclr",
            {"offset": 0, "noise": 0},
            {"collapsed": True},
            "lse encoder train net-2 --dataset sky --method vicreg",
        ),
        ("autoencoder", {}, {"nuisances_together": 0.5}, "lse encoder train net-2 --dataset sky --method simclr"),
        (
            "simclr",
            {"offset": 0, "noise": 1.5},
            {"nuisances": [Nuisance("noise", 0.3, 0.1, 0.1)]},
            "lse encoder retrain net --set noise=3`",
        ),
        (
            "simclr",
            {"offset": 0, "noise": 0, "epochs": 50},
            {"comparisons": [Comparison("knn", "pca", -0.05, -0.08, -0.02)]},
            "lse encoder retrain net --set epochs=150",
        ),
        (
            "simclr",
            {"offset": 0, "noise": 0, "epochs": 200},
            {"comparisons": [Comparison("knn", "pca", -0.05, -0.08, -0.02)]},
            "lse encoder pretrained net-2 package:efficientnet_lite0 --dataset sky",
        ),
    ],
)
def test_what_to_try_next_is_a_command(
    method: str, settings: dict[str, object], changes: dict[str, object], advice: str
) -> None:
    verdict = conclude(Judged("net", "sky", "class", 100, method, settings), _evidence(**changes))
    assert not verdict.sound
    assert advice in verdict.text
    assert conclude(Judged("net", "sky", "class", 100, method, settings), _evidence()).sound
