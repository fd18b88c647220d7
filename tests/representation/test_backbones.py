"""Backbones: every size and channel count they offer, exported as they compute."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lse.errors import InvalidArgumentError
from lse.parameters import parameters_schema
from lse.representation.encoders.backbones import (
    BACKBONES,
    build_backbone,
    check_image_shape,
    stem_stride,
)
from lse.representation.encoders.encoder import Encoder, Neck
from lse.representation.imported_onnx import check_onnx_encoder
from lse.representation.methods.method import TrainingParameters
from lse.representation.onnx import export_onnx

NAMES = list(BACKBONES.ids)
NARROW = {"vit-tiny": 12, "resnet50": 8}


def encoder(name: str, *, channels: int, size: int, neck: Neck) -> Encoder:
    torch.manual_seed(3)
    return Encoder(
        name,
        channels=channels,
        size=size,
        width=NARROW.get(name, 8),
        dimension=5,
        neck=neck,
        mean=[0.2] * channels,
        std=[0.7] * channels,
    ).eval()


def images(count: int, *, channels: int, size: int) -> np.ndarray:
    return np.random.default_rng(2).normal(size=(count, channels, size, size)).astype(np.float32)


def test_every_backbone_can_be_asked_for_in_a_training() -> None:
    assert parameters_schema(TrainingParameters)["properties"]["backbone"]["enum"] == NAMES


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("channels", "size"), [(1, 0), (5, 33), (2, 64), (3, 130), (1, 300)])
def test_feature_maps_are_as_announced_and_never_shrink_to_nothing(name: str, channels: int, size: int) -> None:
    size = size or BACKBONES[name].facts.minimum_size
    network = build_backbone(name, channels=channels, size=size, width=NARROW.get(name, 8)).eval()
    with torch.inference_mode():
        maps = network(torch.from_numpy(images(2, channels=channels, size=size)))
    assert maps.shape == (2, network.features, network.map_size, network.map_size)
    assert network.map_size >= (2 if size >= 16 else 1)
    assert torch.isfinite(maps).all()


@pytest.mark.parametrize("name", ["resnet18", "convnext-tiny"])
def test_maps_keep_two_to_eight_pixels_from_16_to_256(name: str) -> None:
    sides = [
        build_backbone(name, channels=1, size=size, width=8).map_size
        for size in (16, 17, 31, 63, 64, 65, 127, 128, 129, 255, 256)
    ]
    assert min(sides) == 2
    assert max(sides) == 8
    assert [stem_stride(size) for size in (63, 64, 127, 128)] == [1, 2, 2, 4]


@pytest.mark.parametrize(
    ("name", "channels", "size", "neck"),
    [("resnet18", 1, 300, "flat"), ("convnext-tiny", 3, 40, "pooled")],
)
def test_an_exported_encoder_equals_the_network(
    name: str, channels: int, size: int, neck: Neck, tmp_path: Path
) -> None:
    network = encoder(name, channels=channels, size=size, neck=neck)
    samples = images(3, channels=channels, size=size)
    assert export_onnx(network, tmp_path / "encoder.onnx", samples=samples) < 1e-4
    # The check of the file passes batches of other sizes than it was exported with.
    signature = check_onnx_encoder(tmp_path / "encoder.onnx")
    assert (signature.channels, signature.height, signature.dimension) == (channels, size, 5)


@pytest.mark.parametrize("name", NAMES)
def test_the_flat_neck_does_not_outgrow_the_backbone_on_large_images(name: str) -> None:
    network = encoder(name, channels=1, size=512, neck="flat")
    assert network.summary_length <= 64 * network.backbone.features
    with torch.inference_mode():
        assert network(torch.from_numpy(images(2, channels=1, size=512))).shape == (2, 5)


@pytest.mark.parametrize(
    ("name", "size", "weights"), [("resnet18", 224, 11.7e6), ("resnet50", 224, 25.6e6), ("convnext-tiny", 224, 28.6e6)]
)
def test_without_a_width_a_backbone_has_the_size_of_the_original(name: str, size: int, weights: float) -> None:
    with torch.device("meta"):
        network = build_backbone(name, channels=3, size=size, width=BACKBONES[name].facts.standard_width)
    count = sum(weight.numel() for weight in network.parameters())
    # The original has a classifier of 1,000 classes on top.
    assert count + 1001 * network.features == pytest.approx(weights, rel=0.01)


def test_a_choice_that_cannot_be_is_refused_in_a_sentence() -> None:
    with pytest.raises(InvalidArgumentError, match=r"Unknown backbone 'resnet': did you mean 'resnet.*small-conv"):
        _ = BACKBONES["resnet"]
    for size in (4, 2000):
        with pytest.raises(InvalidArgumentError, match=r"takes images of 8 to 1024 pixels a side.*change the size"):
            check_image_shape("resnet18", (10, 1, size, size))
    with pytest.raises(InvalidArgumentError, match="square"):
        check_image_shape("resnet18", (10, 1, 32, 64))
    with pytest.raises(InvalidArgumentError, match="multiple of 12"):
        build_backbone("vit-tiny", channels=1, size=32, width=32)
