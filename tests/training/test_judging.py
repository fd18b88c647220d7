"""A whole judgement, and the card that tells of it."""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from lse.platform.errors import CancelledError, InvalidArgumentError
from lse.platform.progress import Progress
from lse.training.judging.card import encoder_card
from lse.training.judging.card_page import card_page
from lse.training.judging.judgement import Bounds, Known, judge

# Tests are imported by path, so the module beside this one is found by path too.
sys.path.insert(0, str(Path(__file__).parent))
import training_setup as setup

IMAGES = setup.images(80)


def _pooled(batch: np.ndarray) -> np.ndarray:
    """Vectors that no rotation by a right angle and no mirror image changes: moments of the pixels of each band."""
    flat = batch.reshape(*batch.shape[:2], -1)
    return np.concatenate([(flat**power).mean(axis=2) for power in (1, 2, 3, 4)], axis=1)


def test_an_encoder_that_sees_no_direction_is_robust_to_turning() -> None:
    judgement = judge(IMAGES, _pooled)
    turned = {each.change: each for each in judgement.robustness}
    for change in ("rotation_90", "rotation_180", "rotation_270", "flip_horizontal", "flip_vertical"):
        assert turned[change].cosine == pytest.approx(1)
        assert turned[change].same_image_first == 1
    assert turned["noise_2"].cosine < 1
    assert judgement.scores is None
    assert judgement.images == 80
    assert 0 < judgement.figures["alignment"] < 0.1
    assert judgement.figures["collapsed"] == 0
    assert judgement.notes == tuple(dict.fromkeys(judgement.notes))


def test_a_collapsed_encoder_is_told_first() -> None:
    judgement = judge(IMAGES, lambda batch: np.ones((len(batch), 8), np.float32))
    assert judgement.figures["collapsed"] == 1
    assert "collapsed" in judgement.notes[0]
    assert judgement.figures["uniformity"] == pytest.approx(0, abs=1e-6)
    assert all(each.same_image_first == 0 for each in judgement.robustness)


def test_vectors_that_are_not_finite_are_told() -> None:
    judgement = judge(IMAGES, lambda batch: np.full((len(batch), 8), np.nan, np.float32))
    assert judgement.figures["collapsed"] == 1
    assert "not finite" in judgement.notes[0]
    assert judgement.robustness == ()


def test_what_the_catalogue_tells_is_audited() -> None:
    place = np.random.default_rng(3).uniform(0, 100, size=(80, 2)).astype(np.float32)
    rows = {batch.tobytes(): row for row, batch in enumerate(IMAGES)}

    def encode(batch: np.ndarray) -> np.ndarray:  # knows where on the chip each image lies
        return np.stack([place[rows.get(image.tobytes(), 0)] for image in batch])

    judgement = judge(IMAGES, encode, known=Known(properties={"chip_position": place}))
    first = judgement.nuisances[0]
    assert first.key == "chip_position"
    assert first.variance_explained > 0.9
    assert first.predictability > 0.9
    assert judgement.figures["nuisances_variance_explained"] > 0.9
    assert any("chip position explains" in note for note in judgement.notes)


def test_a_decoder_is_judged_beside_principal_components() -> None:
    judgement = judge(
        IMAGES, _pooled, redraw=lambda images, vectors: (images, images.mean(axis=0, keepdims=True) + 0 * images)
    )
    assert judgement.figures["reconstruction_error"] == pytest.approx(1, abs=1e-5)
    assert 0 < judgement.figures["reconstruction_error_pca"] < 1
    assert "reconstruction_error_held_out" not in judgement.figures


def test_images_held_out_are_drawn_for_themselves() -> None:
    held_out = np.array([3, 8, 21])
    known = {image.tobytes() for image in np.delete(IMAGES, held_out, axis=0)}

    def redraw(images: np.ndarray, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # draws what it has learnt
        middle = images.mean(axis=0)
        return images, np.stack([image if image.tobytes() in known else middle for image in images])

    figures = judge(IMAGES, _pooled, redraw=redraw, held_out=held_out).figures
    assert figures["reconstruction_error"] < 0.2
    assert figures["reconstruction_error_held_out"] == pytest.approx(1, abs=1e-5)


def test_samples_of_a_large_set_are_said_and_keep_all_that_have_a_class() -> None:
    classes: list[object] = [None] * 80
    classes[60:70] = ["round"] * 10
    classes[70:] = ["flat"] * 10
    judgement = judge(
        IMAGES,
        _pooled,
        known=Known(classes=classes),
        bounds=Bounds(images=40, changed=15, audited=30, batch=16),
        method="simclr",
        settings={"width": "4"},
    )
    assert judgement.images == 20
    assert judgement.scores is not None
    assert set(judgement.scores.classes) == {"flat", "round"}
    text = " ".join(judgement.notes)
    for said in (
        "sample of 40 of 80 images",
        "sample of 15 images",
        "sample of 30 images",
        "60 images without a class",
    ):
        assert said in text


def test_progress_is_told_and_cancel_is_heard() -> None:
    told: list[Progress] = []
    judge(IMAGES, _pooled, bounds=Bounds(batch=32), on_progress=told.append)
    assert [(each.done, each.total) for each in told if each.stage == "encoding"] == [(0, 80), (32, 80), (64, 80)]
    assert {"encoding rotation 90", "encoding views", "auditing nuisances"} <= {each.stage for each in told}
    with pytest.raises(CancelledError):
        judge(IMAGES, _pooled, should_stop=lambda: len(told) > 0)


def test_classes_that_cannot_be_scored_are_refused_before_any_work() -> None:
    def never(batch: np.ndarray) -> np.ndarray:
        raise AssertionError("nothing is to be encoded")

    with pytest.raises(InvalidArgumentError, match="Fewer than two classes"):
        judge(IMAGES, never, known=Known(classes=["one"] * 80))


def _evaluation(**changes: object) -> dict[str, object]:
    return {
        "dataset": "projects/p/datasets/sky",
        "version": 2,
        "label_column": "class",
        "images": 80,
        "knn_balanced_accuracy": 0.61,
        "baselines": {"chance": 0.25, "pixels": 0.5, "pca": 0.58, "untrained": 0.52},
        "linear_probe_balanced_accuracy": 0.5,
        "linear_probe_baselines": {"chance": 0.25, "pixels": 0.48, "pca": 0.57, "untrained": 0.45},
        "figures": {
            "effective_rank": 12.5,
            "collapsed": 0.0,
            "spread": float("nan"),
            "split_knn_balanced_accuracy": 0.7,
        },
        "robustness": [
            {"change": "rotation_90", "cosine": 0.99, "same_image_first": 0.97},
            {"change": "noise_2", "cosine": 0.4, "same_image_first": 0.1},
        ],
        "nuisances": [
            {"key": "brightness", "variance_explained": 0.4, "predictability": 0.9},
            {"key": "background_level", "variance_explained": 0.3, "predictability": 0.2},
            {"key": "noise", "variance_explained": 0.01, "predictability": 0.1},
        ],
        "notes": ["A note with <b>markup</b>."],
        **changes,
    }


def _card(
    *, dataset: bool = True, trained: bool = True, evaluations: tuple[dict[str, object], ...] = ()
) -> dict[str, object]:
    version = {
        "version": 2,
        "create_time": 1.7e9,
        "dataset": "projects/p/datasets/sky" if trained else "",
        "method": "simclr" if trained else "import",
        "seed": 7,
        "settings": {"epochs": 3, "flip": True, "name": "<script>alert(1)</script>"} if trained else {},
        "figures": {"images": 70.0, "loss": 0.5} if trained else {},
        "loss_curve": [3.0, 1.5, 0.5] if trained else [],
        "notes": [],
        "onnx_uri": "file:///x/encoder.onnx",
        "channels": 2,
        "size": 16,
        "dimension": 6,
        "parameter_count": 1234,
        "packages": {"torch": "2.13.0"} if trained else {},
    }
    return encoder_card(
        {**version, "name": "projects/p/encoders/e", "uid": "u", "precision": "fp32"},
        versions=[{**version, "version": 1}, version],
        evaluations=evaluations,
        dataset={
            "name": "projects/p/datasets/sky",
            "table_digest": "abc123",
            "prepared": 80,
            "rejected": 1,
            "channels": ["g", "r"],
            "size": 16,
            "sources": ["/data/images"],
            "recipe": "size: 16\nchannels: [g, r]\n",
            "catalogue_columns": ["class"],
            "simulated": True,
            "notes": [],
        }
        if dataset
        else None,
    )


def test_a_card_tells_data_recipe_parameters_versions_scores_and_limits() -> None:
    card = _card(evaluations=(_evaluation(version=1), _evaluation()))
    assert json.loads(json.dumps(card, allow_nan=False)) == card
    assert list(card) == ["schema", "encoder", "data", "training", "versions", "evaluations", "limits"]
    assert card["schema"] == "latentspace.encoder-card/1"
    assert card["encoder"]["version"] == 2
    assert card["encoder"]["made"] == "2023-11-14T22:13:20+00:00"
    assert card["data"]["recipe"].startswith("size: 16")
    assert (card["data"]["trained_images"], card["data"]["images"]) == (70, 80)
    assert card["data"]["table_digest"] == "abc123"
    assert card["training"]["parameters"]["epochs"] == 3
    assert card["training"]["packages"] == {"torch": "2.13.0"}
    assert [each["version"] for each in card["versions"]] == [1, 2]
    assert card["evaluations"][1]["knn_balanced_accuracy"] == 0.61
    assert card["evaluations"][1]["figures"]["spread"] is None
    limits = " ".join(card["limits"])
    assert "simulated images only" in limits
    assert "images are those that it learnt from" in limits
    assert "by a linear probe it tells classes no better (0.500) than pixel PCA (0.570)" in limits
    assert "by nearest neighbours" not in limits
    assert "themselves after: noise 2." in limits
    assert "background level of an image shows in its vector" in limits
    assert "brightness" not in limits


def test_a_card_without_data_or_judgement_says_so() -> None:
    assert "was not judged yet" in " ".join(_card()["limits"])
    gone = _card(dataset=False)
    assert gone["data"] == {"dataset": "projects/p/datasets/sky", "trained_images": 70}
    assert "that it was trained on is gone" in " ".join(gone["limits"])
    imported = _card(dataset=False, trained=False)
    assert imported["data"] is None
    assert "It was not trained here" in " ".join(imported["limits"])
    for card in (gone, imported, _card(evaluations=(_evaluation(version=1),))):
        assert "<h1>e</h1>" in card_page(card)
    assert "was not judged yet" in " ".join(_card(evaluations=(_evaluation(version=1),))["limits"])


class _Page(HTMLParser):
    """What a browser would fetch or run, and whether the elements nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.bars: list[str] = []
        self.points: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag not in ("meta", "rect", "polyline", "link", "img"):
            self.open.append(tag)
        self.fetched += [tag] if tag in ("script", "link", "img", "iframe") else []
        self.fetched += [key for key in values if key in ("src", "href") or key.startswith("on")]
        if values.get("class", "") in ("bar", "bar own"):
            self.bars.append(values["style"] or "")
        if tag == "polyline":
            self.points = (values["points"] or "").split()

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("rect", "polyline"):
            assert self.open.pop() == tag


def test_the_page_is_whole_escaped_and_loads_nothing() -> None:
    text = card_page(_card(evaluations=(_evaluation(),)))
    page = _Page()
    page.feed(text)
    assert page.open == []
    assert page.fetched == []
    assert "url(" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "A note with &lt;b&gt;markup&lt;/b&gt;." in text
    assert page.bars[:5] == [f"width: {value}%" for value in ("61.0", "52.0", "58.0", "50.0", "25.0")]
    assert page.points == ["0.0,0.0", "320.0,120.0", "640.0,200.0"]
    for told in ("BLAKE2b abc123", "size: 16", "Effective rank", "rotation 90", "background level", "torch", "2.13.0"):
        assert told in text
    strong = re.findall(r'<td class="strong">([^<]*)</td>', text)
    assert strong == ["background level"]


def test_a_page_without_classes_has_no_bars() -> None:
    bare = _evaluation(
        label_column="",
        knn_balanced_accuracy=None,
        linear_probe_balanced_accuracy=None,
        baselines={},
        linear_probe_baselines={},
        figures={"effective_rank": 3.0},
    )
    page = _Page()
    text = card_page(_card(evaluations=(bare,)))
    page.feed(text)
    assert page.bars == []
    assert "without classes" in text
