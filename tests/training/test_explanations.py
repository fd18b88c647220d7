"""Explanations of a latent space: constructed cases whose answer is known, and the door of a real installation."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from installation import Installation
from lse.client import Client, connect_async
from lse.platform.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from lse.platform.rpc.server import MESSAGE_BYTES
from lse.training.encoders.encoder import Encoder
from lse.training.explanations import service
from lse.training.explanations.pictures import display_of
from lse.training.explanations.prototypes import cluster_prototypes
from lse.training.explanations.saliency import background_levels, integrated_gradients, occlusion
from lse.training.explanations.sheets import Row, Sheet, Tile, draw_sheet
from lse.training.explanations.traversal import (
    draw,
    latent_axes,
    latent_statistics,
    places_along,
    places_between,
    principal_axes,
)
from lse.training.trained import fresh_weights, load_trained

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
        assert caught.value.reason == "UNKNOWN_AXIS"
    equal = latent_statistics(np.ones((10, 3)))
    for follow in (lambda: latent_axes(equal, [0]), lambda: principal_axes(equal, 2)):
        with pytest.raises(FailedPreconditionError) as failed:
            follow()
        assert failed.value.reason == "NO_VARIANCE"


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


# Through the door of a real installation.


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Client of an installation with a VAE of squares and rings, and an imported copy of its encoder."""
    folder = tmp_path_factory.mktemp("shapes")
    random = np.random.default_rng(0)
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2 + 0.5
    for number in range(60):
        radius = random.uniform(3, 6)
        inside = np.hypot(x, y) < radius if number % 2 else np.maximum(abs(x), abs(y)) < radius
        colours = (200, 60, 30) if number % 2 else (30, 60, 200)
        pixels = inside[..., None] * np.array(colours) + random.integers(0, 30, (SIZE, SIZE, 3))
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{'ring' if number % 2 else 'square'}-{number:02}.png")
    installation = Installation(tmp_path_factory.mktemp("home"), dashboard=False)
    client = installation.start()
    client.datasets.ingest("shapes", [folder], recipe={"channels": "rgb", "size": SIZE}).wait(show_progress=False)
    settings = {"epochs": 2, "width": 4, "latent_dim": 4, "batch_size": 16}
    client.encoders.train("vae", dataset="shapes", method="vae", settings=settings).wait(show_progress=False)
    onnx = Path(client.encoders.get("vae").onnx_uri.removeprefix("file://"))
    client.encoders.import_onnx("imported", onnx).wait(show_progress=False)
    for experiment, encoder in (("seen", "vae"), ("seen-imported", "imported")):
        client.experiments.encode(experiment, dataset="shapes", encoder=encoder).wait(show_progress=False)
    ready = tmp_path_factory.mktemp("ready") / "vectors.npy"
    np.save(ready, random.normal(size=(60, 3)).astype(np.float32))
    client.experiments.import_vectors("ready", ready, dataset="shapes").wait(show_progress=False)
    client.clusterings.run("two", experiment="seen", method="kmeans", settings={"clusters": 2}).wait(
        show_progress=False
    )
    yield client
    assert installation.stop() == 0


def size_of(png: bytes) -> tuple[int, int]:
    picture = Image.open(io.BytesIO(png))
    picture.verify()
    return picture.size


def reconstructions(client: Client, *images: str) -> np.ndarray:
    """What the decoder draws of images, by the weights that the training kept."""
    onnx = Path(client.encoders.get("vae").onnx_uri.removeprefix("file://"))
    trained = load_trained(onnx.with_name("encoder.pt"))
    table = client.experiments.vectors("seen").to_pandas().set_index("name")
    return draw(trained.encoder, trained.decoder, np.stack(table.loc[list(images), "vector"]).astype(np.float32))


def test_traversals_through_the_door(client: Client, tmp_path: Path) -> None:
    found = client.explanations.traverse("seen", image="ring-01", axes=[2, 0], steps=5, reach=2)
    assert [axis.axis for axis in found.axes] == ["axis 2", "axis 0"]
    assert found.axes[0].positions.tolist() == [-2, -1, 0, 1, 2]
    for axis in found.axes:
        assert axis.images.shape == (5, 3, SIZE, SIZE)
        assert axis.images[2] == pytest.approx(reconstructions(client, "ring-01")[0], abs=1e-5)
        assert np.abs(axis.images[4] - axis.images[0]).max() > 1e-4
    assert found.save(tmp_path / "axes.png").read_bytes() == found._repr_png_() == found.png
    assert min(size_of(found.png)) > 100
    components = client.explanations.traverse("seen")
    shares = [axis.variance_share for axis in components.axes]
    assert len(shares) == 4, "no more components than axes"
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1, abs=1e-6)
    assert all(len(axis.images) == 7 for axis in components.axes)


def test_a_path_through_the_door(client: Client) -> None:
    found = client.explanations.interpolate("seen", "ring-01", "square-02", steps=5)
    assert found.images[[0, 4]] == pytest.approx(reconstructions(client, "ring-01", "square-02"), abs=1e-5)
    assert (found.nearest[0], found.nearest[4]) == (
        "projects/default/datasets/shapes/images/ring-01",
        "projects/default/datasets/shapes/images/square-02",
    )
    assert size_of(found.png)[0] > 300


def test_samples_through_the_door(client: Client) -> None:
    found = client.explanations.sample("vae", count=6, seed=4)
    assert found.images.shape == (6, 3, SIZE, SIZE)
    assert np.ptp(found.images, axis=0).max() > 1e-4
    assert np.array_equal(client.explanations.sample("vae", count=6, seed=4).images, found.images)
    assert not np.array_equal(client.explanations.sample("vae", count=6, seed=5).images, found.images)


def test_a_similarity_through_the_door(client: Client) -> None:
    found = client.explanations.similarity("seen", "ring-01", "square-02")
    vectors = client.experiments.vectors("seen").to_pandas().set_index("name")["vector"]
    first, second = vectors["ring-01"], vectors["square-02"]
    cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    assert found.cosine == pytest.approx(cosine, abs=1e-4)
    gained = [found.cosine - baseline for baseline in found.baseline_cosines]
    assert found.saliency.sum(axis=(1, 2, 3)) == pytest.approx(gained, abs=0.006)
    assert "Integrated gradients" in found.method
    hidden = client.explanations.similarity("seen-imported", "ring-01", "square-02")
    assert "Occlusion" in hidden.method
    assert hidden.cosine == pytest.approx(found.cosine, abs=1e-4)
    assert hidden.baseline_cosines == pytest.approx(found.baseline_cosines, abs=1e-4)
    assert hidden.saliency.shape == (2, 3, SIZE, SIZE)
    assert size_of(found.png) == size_of(hidden.png)


def test_prototypes_through_the_door(client: Client) -> None:
    clustering = client.clusterings.get("seen", "two")
    table = client.experiments.vectors("seen").to_pandas()
    labels = client.clusterings.assignments("seen", "two").to_pandas()["cluster"]
    found = client.explanations.prototypes("seen", "two", count=3)
    assert sorted(found.clusters) == [0, 1]
    for cluster in clustering.clusters:
        ids = [name.rsplit("/", 1)[-1] for name in found.clusters[cluster.cluster]]
        assert len(set(ids)) == 3
        assert ids[0] == table["name"][cluster.medoid_row]
        assert (labels[table["name"].isin(ids)] == cluster.cluster).all()
    various = client.explanations.prototypes("seen", "two", count=3, diverse=True)
    assert various.clusters.keys() == found.clusters.keys()
    assert size_of(various.png)[1] > 200


def test_explanations_from_the_command_line(client: Client, tmp_path: Path) -> None:
    import json

    from typer.testing import CliRunner

    from lse.cli.main import app

    common = ["--address", client.address, "--json", "--out", str(tmp_path / "out.png")]
    for arguments, fact in (
        (["traverse", "seen", "--components", "2"], "axes"),
        (["path", "seen", "ring-01", "ring-03", "--steps", "3"], "nearest"),
        (["sample", "vae", "--count", "2"], "file"),
        (["similarity", "seen", "ring-01", "ring-03"], "cosine"),
        (["prototypes", "two", "--experiment", "seen", "-k", "2"], "clusters"),
    ):
        (tmp_path / "out.png").unlink(missing_ok=True)
        answer = CliRunner().invoke(app, ["explain", *arguments, *common])
        assert answer.exit_code == 0, answer.output
        assert fact in json.loads(answer.stdout)
        assert min(size_of((tmp_path / "out.png").read_bytes())) > 100


def test_explanations_as_coroutines(client: Client) -> None:
    async def both() -> tuple[object, object]:
        async with connect_async(client.address) as other:
            return await asyncio.gather(
                other.explanations.traverse("seen", components=1, steps=3), other.explanations.sample("vae", count=1)
            )

    traversals, samples = asyncio.run(both())
    assert traversals.axes[0].images.shape == (3, 3, SIZE, SIZE)
    assert samples.images.shape == (1, 3, SIZE, SIZE)


def test_what_cannot_be_explained(client: Client) -> None:
    explain = client.explanations
    for reason, error, call in (
        ("NO_DECODER", FailedPreconditionError, lambda: explain.traverse("seen-imported")),
        ("NO_DECODER", FailedPreconditionError, lambda: explain.interpolate("seen-imported", "ring-01", "ring-03")),
        ("NO_PRIOR", FailedPreconditionError, lambda: explain.sample("imported")),
        ("UNKNOWN_AXIS", InvalidArgumentError, lambda: explain.traverse("seen", axes=[4])),
        ("IMAGE_NOT_FOUND", NotFoundError, lambda: explain.traverse("seen", image="nothing")),
        ("INVALID_COUNT", InvalidArgumentError, lambda: explain.traverse("seen", steps=34)),
        ("INVALID_REACH", InvalidArgumentError, lambda: explain.traverse("seen", reach=-1)),
        ("SAME_IMAGE", InvalidArgumentError, lambda: explain.similarity("seen", "ring-01", "ring-01")),
        ("INVALID_COUNT", InvalidArgumentError, lambda: explain.sample("vae", count=257)),
        ("INVALID_COUNT", InvalidArgumentError, lambda: explain.prototypes("seen", "two", count=51)),
        ("NO_ENCODER", FailedPreconditionError, lambda: explain.similarity("ready", "ring-01", "ring-03")),
        ("NO_ENCODER", FailedPreconditionError, lambda: explain.traverse("ready")),
        ("IMAGE_NOT_FOUND", NotFoundError, lambda: client.search.similar("seen", image="nothing")),
    ):
        with pytest.raises(error) as caught:
            call()
        assert caught.value.reason == reason
        assert caught.value.message.endswith(".")
