"""Explanations of a latent space: constructed cases whose answer is known."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from lse.errors import InvalidArgumentError
from lse.images.sheets import Row, Sheet, Tile, draw_sheet
from lse.platform.rpc.server import MESSAGE_BYTES
from lse.representation.encoders.encoder import Encoder
from lse.representation.explanation.pictures import display_of
from lse.representation.explanation.prototypes import cluster_prototypes
from lse.representation.explanation.saliency import background_levels, integrated_gradients, occlusion
from lse.representation.explanation.traversal import (
    draw,
    latent_axes,
    latent_statistics,
    places_along,
    places_between,
    principal_axes,
)
from lse.representation.training.trained import fresh_weights
from lse.services.explanation import service

SIZE = 16
LARGEST_PNG = 3_600_000


class WeightedSum(nn.Module):
    """Vectors (s, 1), where s is a weighted sum of the pixels."""

    def __init__(self, weights: np.ndarray) -> None:
        super().__init__()
        self.weights = torch.from_numpy(weights)

    def forward(self, images: Tensor) -> Tensor:
        sums = (images * self.weights).sum(dim=(1, 2, 3))
        return torch.stack([sums, torch.ones_like(sums)], dim=1)


def pair(channels: int = 2) -> np.ndarray:
    """Two images: sources of their own on backgrounds of their own."""
    random = np.random.default_rng(2)
    images = random.uniform(0, 0.5, size=(2, channels, SIZE, SIZE)).astype(np.float32)
    for image, level in zip(images, (0.2, 0.4), strict=True):
        image[:, :1], image[:, -1:], image[:, :, :1], image[:, :, -1:] = level, level, level, level
    return images


def corner_weights() -> np.ndarray:
    """The second band's upper left quarter counts, and nothing else."""
    weights = np.zeros((2, SIZE, SIZE), np.float32)
    weights[1, : SIZE // 2, : SIZE // 2] = np.random.default_rng(3).uniform(-0.1, 0.2, (SIZE // 2, SIZE // 2))
    return weights


def real_encoder() -> Encoder:
    with fresh_weights(3):
        encoder = Encoder(
            "small-conv", channels=2, size=SIZE, width=4, dimension=6, neck="flat", mean=(0.2, 0.3), std=(0.1, 0.2)
        )
    return encoder.eval().requires_grad_(requires_grad=False)


def test_background_is_the_median_of_the_border() -> None:
    assert background_levels(pair())[:, :, 0, 0] == pytest.approx(np.array([[0.2, 0.2], [0.4, 0.4]]))


def test_saliency_of_a_weighted_sum_is_that_of_its_terms() -> None:
    images, weights = pair(), corner_weights()
    found = integrated_gradients(WeightedSum(weights), images)
    # The similarity depends on the sum alone, so each pixel adds in proportion to its term of the sum.
    for place, (image, level) in enumerate(zip(images, (0.2, 0.4), strict=True)):
        terms = weights * (image - level)
        expected = terms / terms.sum() * (found.cosine - found.baseline_cosines[place])
        assert found.attributions[place] == pytest.approx(expected, abs=1e-4)
    sums = (images * weights).sum(axis=(1, 2, 3))
    assert found.cosine == pytest.approx((sums[0] * sums[1] + 1) / np.sqrt((sums**2 + 1).prod()), abs=1e-5)
    assert found.band_shares == pytest.approx((0, 1))


def test_saliency_adds_up_to_the_similarity_over_the_baseline() -> None:
    images = pair()
    found = integrated_gradients(real_encoder(), images)
    gained = [found.cosine - baseline for baseline in found.baseline_cosines]
    assert min(np.abs(gained)) > 0.02, "a case in which nothing is gained shows nothing"
    assert found.attributions.sum(axis=(1, 2, 3)) == pytest.approx(gained, abs=0.006)
    assert sum(found.band_shares) == pytest.approx(1)


def test_occlusion_finds_the_part_that_counts() -> None:
    images, weights = pair(), corner_weights()
    encoder = WeightedSum(np.abs(weights))
    images[:, 1, 2:6, 2:6] += 3

    found = occlusion(lambda batch: encoder(torch.from_numpy(batch)).numpy(), images)
    assert (found.attributions[:, 0] == 0).all()
    assert found.attributions[:, 1, 2:6, 2:6].min() > 0
    assert (found.attributions[:, 1, 10:] == 0).all()
    assert found.band_shares == pytest.approx((0, 1))
    assert "Occlusion" in found.method


def test_axes_of_a_known_cloud() -> None:
    random = np.random.default_rng(0)
    turn = np.linalg.qr(random.normal(size=(3, 3)))[0]
    vectors = (random.normal(size=(50_000, 3)) * (3, 1, 0.5) @ turn.T + 1000).astype(np.float32)
    statistics = latent_statistics(vectors)
    assert statistics.mean == pytest.approx(vectors.mean(axis=0, dtype=np.float64))
    assert statistics.covariance == pytest.approx(np.cov(vectors.T.astype(np.float64), bias=True), rel=1e-6)
    components = principal_axes(statistics, 2)
    assert [axis.name for axis in components] == ["component 1", "component 2"]
    assert [axis.deviation for axis in components] == pytest.approx([3, 1], rel=0.03)
    assert [axis.variance_share for axis in components] == pytest.approx([9 / 10.25, 1 / 10.25], rel=0.05)
    assert abs(components[0].direction @ turn[:, 0]) == pytest.approx(1, abs=1e-3)
    (third,) = latent_axes(statistics, [2])
    assert third.direction.tolist() == [0, 0, 1]
    assert third.deviation == pytest.approx(float(vectors[:, 2].std(dtype=np.float64)))


def test_axes_that_cannot_be_followed() -> None:
    statistics = latent_statistics(np.random.default_rng(0).normal(size=(10, 3)))
    for axes in ([3], [-1], [1, 1]):
        with pytest.raises(InvalidArgumentError) as caught:
            latent_axes(statistics, axes)
        assert caught.value.reason == "AXES_INVALID"
    equal = latent_statistics(np.ones((10, 3)))
    for follow in (lambda: latent_axes(equal, [0]), lambda: principal_axes(equal, 2)):
        with pytest.raises(InvalidArgumentError) as failed:
            follow()
        assert failed.value.reason == "VECTORS_CONSTANT"


def test_places_on_the_way() -> None:
    vectors = np.random.default_rng(0).normal(size=(1000, 4))
    (axis,) = principal_axes(latent_statistics(vectors), 1)
    start = vectors[0]
    positions, places = places_along(start, axis, steps=5, reach=2)
    assert positions.tolist() == [-2, -1, 0, 1, 2]
    assert places[2] == pytest.approx(start)
    assert (places[3] - places[2]) @ axis.direction == pytest.approx((vectors @ axis.direction).std(), rel=1e-5)
    between = places_between(vectors[0], vectors[1], steps=4)
    assert between[[0, 3]] == pytest.approx(vectors[:2])
    assert between[1] == pytest.approx(vectors[0] * 2 / 3 + vectors[1] / 3, rel=1e-5)


def test_drawn_images_are_in_units_of_prepared_ones() -> None:
    encoder = real_encoder()
    decoder = nn.Sequential(nn.Linear(6, 2 * SIZE**2), nn.Unflatten(1, (2, SIZE, SIZE)))
    nn.init.zeros_(decoder[0].weight)
    nn.init.ones_(decoder[0].bias)
    images = draw(encoder, decoder, np.zeros((70, 6), np.float32))
    assert images.shape == (70, 2, SIZE, SIZE)
    assert images[69, :, 3, 3] == pytest.approx([0.3, 0.5])


def test_prototypes_of_known_clusters() -> None:
    points = np.array([[0], [1], [2], [10], [50], [100], [101], [103], [-9]], np.float32)
    labels = np.array([0, 0, 0, 0, 0, 1, 1, 1, -1])
    found = cluster_prototypes(points, labels, count=2, metric="euclidean")
    assert {cluster: rows.tolist() for cluster, rows in found.items()} == {0: [3, 2], 1: [6, 5]}
    various = cluster_prototypes(points, labels, count=3, metric="euclidean", diverse=True)
    assert sorted(various[0].tolist()) == [1, 3, 4]
    assert various[1].tolist() == [6, 5, 7]


def test_prototypes_by_direction() -> None:
    angles = np.radians([0, 10, 20, 90, 95])
    points = (np.stack([np.cos(angles), np.sin(angles)], axis=1) * [[1], [9], [2], [5], [1]]).astype(np.float32)
    found = cluster_prototypes(points, np.array([0, 0, 0, 1, 1]), count=1, metric="cosine")
    assert {cluster: rows.tolist() for cluster, rows in found.items()}[0] == [1]


def test_prototypes_far_from_the_origin_are_nearest_to_the_middle() -> None:
    far = (np.random.default_rng(3).normal(size=(4000, 6)) + 1_000_000).astype(np.float32)
    parts = far.astype(np.float64).reshape(2, 2000, 6)
    truth = [int(np.square(part - part.mean(axis=0)).sum(axis=1).argmin()) for part in parts]
    found = cluster_prototypes(far, np.repeat([0, 1], 2000), count=1, metric="euclidean")
    assert [int(found[0][0]), int(found[1][0]) - 2000] == truth


def test_diverse_prototypes_of_equal_points() -> None:
    found = cluster_prototypes(np.ones((9, 3), np.float32), np.zeros(9, int), count=4, metric="cosine", diverse=True)
    assert len(set(found[0].tolist())) == len(found[0]) >= 1


def test_images_are_shown_as_the_recipe_stretched_them() -> None:
    images = np.zeros((2, 1, 4, 4), np.float32)
    images[0, 0, 0, 0], images[1, 0, 0, 0] = 0.5, 1
    assert display_of(images).pixels(images[0])[0, 0].tolist() == [128, 128, 128]
    # Units of another kind are cut at the ends of each band.
    wide = np.linspace(-4, 6, 32, dtype=np.float32).reshape(1, 2, 4, 4)
    shown = display_of(wide).pixels(wide[0])
    assert shown[0, 0, 0] == shown[0, 0, 2] == 0
    assert shown[-1, -1, 0] == shown[-1, -1, 2] == 255


def test_a_sheet_of_many_tiles_stays_small() -> None:
    random = np.random.default_rng(0)
    tile = Tile(random.integers(0, 256, (64, 64, 3), np.uint8), "a-long-name-of-an-image-that-does-not-fit")
    png = draw_sheet(Sheet("Title", "Subtitle", (Row((tile,) * 16, "row", "note"),) * 16))
    assert len(png) < LARGEST_PNG
    assert Image.open(io.BytesIO(png)).size[0] < 1800


def test_an_answer_fits_into_a_message() -> None:
    assert service._ANSWER_BYTES + LARGEST_PNG < MESSAGE_BYTES
    service._check_answer(10, service._ANSWER_BYTES // 10, "draw fewer")
    with pytest.raises(InvalidArgumentError, match="draw fewer") as caught:
        service._check_answer(11, service._ANSWER_BYTES // 10, "draw fewer")
    assert caught.value.reason == "ANSWER_TOO_LARGE"
