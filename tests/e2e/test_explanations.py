"""Explanations of a latent space through the services."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from lse.cli.main import app
from lse.client import Client, connect_async
from lse.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from lse.representation.explanation.traversal import draw
from lse.representation.training.trained import load_trained

SIZE = 16


@pytest.fixture(scope="module")
def shapes(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """Client of the installation, where there is a VAE of squares and rings, and an imported copy of its encoder."""
    folder = tmp_path_factory.mktemp("shapes")
    random = np.random.default_rng(0)
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2 + 0.5
    for number in range(60):
        radius = random.uniform(3, 6)
        inside = np.hypot(x, y) < radius if number % 2 else np.maximum(abs(x), abs(y)) < radius
        colours = (200, 60, 30) if number % 2 else (30, 60, 200)
        pixels = inside[..., None] * np.array(colours) + random.integers(0, 30, (SIZE, SIZE, 3))
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{'ring' if number % 2 else 'square'}-{number:02}.png")
    client.datasets.ingest("shapes", [folder], recipe={"channels": "rgb", "size": SIZE}).wait(show_progress=False)
    settings = {"epochs": 2, "width": 4, "latent_dim": 4, "batch_size": 16}
    client.encoders.train("shapes-vae", dataset="shapes", method="vae", parameters=settings).wait(show_progress=False)
    onnx = Path(client.encoders.get("shapes-vae").onnx_uri.removeprefix("file://"))
    client.encoders.import_onnx("shapes-imported", onnx).wait(show_progress=False)
    for experiment, encoder in (("shapes-seen", "shapes-vae"), ("shapes-seen-imported", "shapes-imported")):
        client.experiments.encode(experiment, dataset="shapes", encoder=encoder).wait(show_progress=False)
    ready = tmp_path_factory.mktemp("shapes-ready") / "vectors.npy"
    np.save(ready, random.normal(size=(60, 3)).astype(np.float32))
    client.experiments.import_vectors("shapes-ready", ready, dataset="shapes").wait(show_progress=False)
    client.clusterings.run("two", experiment="shapes-seen", method="kmeans", n_clusters=2).wait(show_progress=False)
    return client


def size_of(png: bytes) -> tuple[int, int]:
    picture = Image.open(io.BytesIO(png))
    picture.verify()
    return picture.size


def reconstructions(shapes: Client, *images: str) -> np.ndarray:
    """What the decoder draws of images, by the weights that the training kept."""
    onnx = Path(shapes.encoders.get("shapes-vae").onnx_uri.removeprefix("file://"))
    trained = load_trained(onnx.with_name("encoder.pt"))
    table = shapes.experiments.vectors("shapes-seen").to_pandas().set_index("name")
    return draw(trained.encoder, trained.decoder, np.stack(table.loc[list(images), "vector"]).astype(np.float32))


def test_traversals_through_the_door(shapes: Client, tmp_path: Path) -> None:
    found = shapes.explanations.traverse("shapes-seen", image="ring-01", axes=[2, 0], steps=5, reach=2)
    assert [axis.axis for axis in found.axes] == ["axis 2", "axis 0"]
    assert list(found.axes[0].positions) == [-2, -1, 0, 1, 2]
    for axis in found.axes:
        assert axis.images.shape == (5, 3, SIZE, SIZE)
        assert axis.images[2] == pytest.approx(reconstructions(shapes, "ring-01")[0], abs=1e-5)
        assert np.abs(axis.images[4] - axis.images[0]).max() > 1e-4
    assert found.save(tmp_path / "axes.png").read_bytes() == found._repr_png_() == found.png
    assert min(size_of(found.png)) > 100
    components = shapes.explanations.traverse("shapes-seen")
    shares = [axis.variance_share for axis in components.axes]
    assert len(shares) == 4, "no more components than axes"
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1, abs=1e-6)
    assert all(len(axis.images) == 7 for axis in components.axes)


def test_a_path_through_the_door(shapes: Client) -> None:
    found = shapes.explanations.interpolate("shapes-seen", "ring-01", "square-02", steps=5)
    assert found.images[[0, 4]] == pytest.approx(reconstructions(shapes, "ring-01", "square-02"), abs=1e-5)
    assert (found.nearest[0], found.nearest[4]) == (
        "projects/default/datasets/shapes/images/ring-01",
        "projects/default/datasets/shapes/images/square-02",
    )
    assert size_of(found.png)[0] > 300


def test_samples_through_the_door(shapes: Client) -> None:
    found = shapes.explanations.sample("shapes-vae", count=6, seed=4)
    assert found.images.shape == (6, 3, SIZE, SIZE)
    assert np.ptp(found.images, axis=0).max() > 1e-4
    assert np.array_equal(shapes.explanations.sample("shapes-vae", count=6, seed=4).images, found.images)
    assert not np.array_equal(shapes.explanations.sample("shapes-vae", count=6, seed=5).images, found.images)


def test_a_similarity_through_the_door(shapes: Client) -> None:
    found = shapes.explanations.similarity("shapes-seen", "ring-01", "square-02")
    vectors = shapes.experiments.vectors("shapes-seen").to_pandas().set_index("name")["vector"]
    first, second = vectors["ring-01"], vectors["square-02"]
    cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    assert found.cosine == pytest.approx(cosine, abs=1e-4)
    gained = [found.cosine - baseline for baseline in found.baseline_cosines]
    assert found.saliency.sum(axis=(1, 2, 3)) == pytest.approx(gained, abs=0.006)
    assert "Integrated gradients" in found.method
    hidden = shapes.explanations.similarity("shapes-seen-imported", "ring-01", "square-02")
    assert "Occlusion" in hidden.method
    assert hidden.cosine == pytest.approx(found.cosine, abs=1e-4)
    assert hidden.baseline_cosines == pytest.approx(found.baseline_cosines, abs=1e-4)
    assert hidden.saliency.shape == (2, 3, SIZE, SIZE)
    assert size_of(found.png) == size_of(hidden.png)


def test_prototypes_through_the_door(shapes: Client) -> None:
    clustering = shapes.clusterings.get("shapes-seen", "two")
    table = shapes.experiments.vectors("shapes-seen").to_pandas()
    labels = shapes.clusterings.assignments("shapes-seen", "two").to_pandas()["cluster"]
    found = shapes.explanations.prototypes("shapes-seen", "two", count=3)
    assert sorted(found.clusters) == [0, 1]
    for cluster in clustering.clusters:
        ids = [name.rsplit("/", 1)[-1] for name in found.clusters[cluster.cluster]]
        assert len(set(ids)) == 3
        assert ids[0] == table["name"][cluster.medoid_row]
        assert (labels[table["name"].isin(ids)] == cluster.cluster).all()
    various = shapes.explanations.prototypes("shapes-seen", "two", count=3, diverse=True)
    assert various.clusters.keys() == found.clusters.keys()
    assert size_of(various.png)[1] > 200


def test_explanations_from_the_command_line(shapes: Client, tmp_path: Path) -> None:
    common = ["--address", shapes.address, "--json", "--out", str(tmp_path / "out.png")]
    for arguments, fact in (
        (["traverse", "shapes-seen", "--components", "2"], "axes"),
        (["path", "shapes-seen", "ring-01", "ring-03", "--steps", "3"], "nearest"),
        (["sample", "shapes-vae", "--count", "2"], "file"),
        (["similarity", "shapes-seen", "ring-01", "ring-03"], "cosine"),
        (["prototypes", "two", "--experiment", "shapes-seen", "-k", "2"], "clusters"),
    ):
        (tmp_path / "out.png").unlink(missing_ok=True)
        answer = CliRunner().invoke(app, ["explain", *arguments, *common])
        assert answer.exit_code == 0, answer.output
        assert fact in json.loads(answer.stdout)
        assert min(size_of((tmp_path / "out.png").read_bytes())) > 100


def test_explanations_as_coroutines(shapes: Client) -> None:
    async def both() -> tuple[object, object]:
        async with connect_async(shapes.address) as other:
            return await asyncio.gather(
                other.explanations.traverse("shapes-seen", components=1, steps=3),
                other.explanations.sample("shapes-vae", count=1),
            )

    traversals, samples = asyncio.run(both())
    assert traversals.axes[0].images.shape == (3, 3, SIZE, SIZE)
    assert samples.images.shape == (1, 3, SIZE, SIZE)


def test_what_cannot_be_explained(shapes: Client) -> None:
    explain = shapes.explanations
    for reason, error, call in (
        ("DECODER_MISSING", FailedPreconditionError, lambda: explain.traverse("shapes-seen-imported")),
        (
            "DECODER_MISSING",
            FailedPreconditionError,
            lambda: explain.interpolate("shapes-seen-imported", "ring-01", "ring-03"),
        ),
        ("PRIOR_MISSING", FailedPreconditionError, lambda: explain.sample("shapes-imported")),
        ("AXES_INVALID", InvalidArgumentError, lambda: explain.traverse("shapes-seen", axes=[4])),
        ("IMAGE_NOT_FOUND", NotFoundError, lambda: explain.traverse("shapes-seen", image="nothing")),
        ("COUNT_INVALID", InvalidArgumentError, lambda: explain.traverse("shapes-seen", steps=34)),
        ("REACH_INVALID", InvalidArgumentError, lambda: explain.traverse("shapes-seen", reach=-1)),
        ("IMAGE_PAIR_INVALID", InvalidArgumentError, lambda: explain.similarity("shapes-seen", "ring-01", "ring-01")),
        ("COUNT_INVALID", InvalidArgumentError, lambda: explain.sample("shapes-vae", count=257)),
        ("COUNT_INVALID", InvalidArgumentError, lambda: explain.prototypes("shapes-seen", "two", count=51)),
        ("ENCODER_MISSING", FailedPreconditionError, lambda: explain.similarity("shapes-ready", "ring-01", "ring-03")),
        ("ENCODER_MISSING", FailedPreconditionError, lambda: explain.traverse("shapes-ready")),
        ("IMAGE_NOT_FOUND", NotFoundError, lambda: shapes.search.similar("shapes-seen", image="nothing")),
    ):
        with pytest.raises(error) as caught:
            call()
        assert caught.value.reason == reason
        assert caught.value.message.endswith(".")
