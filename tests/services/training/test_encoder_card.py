"""The card of an encoder, made of what the catalogue keeps, and its page."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from lse.platform.artifacts import Artifacts
from lse.platform.catalogue import Catalogue, DatasetRecord, EncoderRecord, Resources
from lse.platform.catalogue.records.dataset import Column, DatasetResult, DatasetSpec
from lse.platform.catalogue.records.encoder import EncoderResult, EncoderSpec, EncoderVersion, Evaluation
from lse.representation.evaluation.card_page import card_page
from lse.services.training.encoder_card import card_of

SKY = "projects/p/datasets/sky"


def _evaluation(**changes: object) -> Evaluation:
    values = {
        "encoder": "projects/p/encoders/e",
        "dataset": "projects/p/datasets/sky",
        "version": 2,
        "label_column": "class",
        "image_count": 80,
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
    return Evaluation.model_validate(values)


class Cards:
    """Makes cards of an encoder of two versions in a real catalogue."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        dataset = DatasetRecord(name=SKY, spec=DatasetSpec(sources=("/data/images",)))
        self._dataset = dataset.with_result(
            DatasetResult(
                folder="file:///a",
                images_uri="file:///a/images.zarr",
                table_uri="file:///a/images.parquet",
                thumbnails_uri="file:///a/thumbnails.parquet",
                sources=("/data/images",),
                recipe="size: 16\nchannels: [g, r]\n",
                prepared_count=80,
                rejected_count=1,
                channels=("g", "r"),
                image_size=16,
                columns={"class": Column(type="text")},
                catalogue_columns=("class",),
                simulated=True,
            )
        )

    def __call__(
        self, *, dataset: bool = True, trained: bool = True, evaluations: tuple[Evaluation, ...] = ()
    ) -> dict[str, Any]:
        if dataset:
            self._resources.create(self._dataset)
        versions = [
            EncoderVersion(
                version=number,
                operation="projects/p/operations/o",
                create_time=1.7e9,
                dataset=SKY if trained else "",
                method="simclr" if trained else "import",
                parameters={"epochs": 3, "flip": True, "name": "<script>alert(1)</script>", "seed": 7}
                if trained
                else {"seed": 7},
                figures={"images": 70.0, "loss": 0.5} if trained else {},
                loss_curve=(3.0, 1.5, 0.5) if trained else (),
                onnx_uri="file:///x/encoder.onnx",
                channel_count=2,
                image_size=16,
                dimension=6,
                parameter_count=1234,
                packages={"torch": "2.13.0"} if trained else {},
            )
            for number in (1, 2)
        ]
        encoder = EncoderRecord(name="projects/p/encoders/e", spec=EncoderSpec(method=versions[0].method))
        result = EncoderResult(versions=tuple(versions), version=2, evaluations=evaluations)
        card = card_of(
            self._resources, encoder.with_result(result), artifacts=Artifacts("file:///x"), digest=lambda _: "abc123"
        )
        self._resources.delete(SKY)
        return card


@pytest.fixture
def cards(tmp_path: Path) -> Cards:
    catalogue = Catalogue(f"sqlite:///{tmp_path / 'catalogue.db'}")
    catalogue.migrate()
    return Cards(Resources(catalogue))


def test_a_card_tells_data_recipe_parameters_versions_scores_and_limits(cards: Cards) -> None:
    card = cards(evaluations=(_evaluation(version=1), _evaluation()))
    assert json.loads(json.dumps(card, allow_nan=False)) == card
    assert list(card) == ["schema", "verdict", "encoder", "data", "training", "versions", "evaluations", "limits"]
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
    assert "by a linear probe it distinguishes classes no better (0.500) than pixel PCA (0.570)" in limits
    assert "by nearest neighbours" not in limits
    assert "themselves after: noise 2." in limits
    assert "background level of an image shows in its vector" in limits
    assert "brightness" not in limits


def test_a_card_without_data_or_judgement_says_so(cards: Cards) -> None:
    assert "was not judged yet" in " ".join(cards()["limits"])
    gone = cards(dataset=False)
    assert gone["data"] == {"dataset": "projects/p/datasets/sky", "trained_images": 70}
    assert "that it was trained on is gone" in " ".join(gone["limits"])
    imported = cards(dataset=False, trained=False)
    assert imported["data"] is None
    assert "It was not trained here" in " ".join(imported["limits"])
    for card in (gone, imported, cards(evaluations=(_evaluation(version=1),))):
        assert "<h1>e</h1>" in card_page(card)
    assert "was not judged yet" in " ".join(cards(evaluations=(_evaluation(version=1),))["limits"])


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


def test_the_page_is_whole_escaped_and_loads_nothing(cards: Cards) -> None:
    text = card_page(cards(evaluations=(_evaluation(),)))
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


def test_a_card_begins_with_the_verdict(cards: Cards) -> None:
    assert cards()["verdict"] is None
    verdict = {"verdict": "Worse than pixel PCA.", "sound": False}
    without = _evaluation(label_column="", verdict="Views are told apart.", sound=True)
    card = cards(dataset=False, evaluations=(_evaluation(**verdict), without, _evaluation(version=1, verdict="Old.")))
    assert list(card)[1] == "verdict"
    assert card["verdict"] == {"text": "Worse than pixel PCA.", "sound": False}
    page = card_page(card)
    assert page.index("Worse than pixel PCA.") < page.index("<h2>Limits</h2>")


def test_a_page_without_classes_has_no_bars(cards: Cards) -> None:
    bare = _evaluation(
        label_column="",
        knn_balanced_accuracy=None,
        linear_probe_balanced_accuracy=None,
        baselines={},
        linear_probe_baselines={},
        figures={"effective_rank": 3.0},
    )
    page = _Page()
    text = card_page(cards(evaluations=(bare,)))
    page.feed(text)
    assert page.bars == []
    assert "without classes" in text
