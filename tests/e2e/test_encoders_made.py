"""Encoders that nobody trained here, and trainings that are only thought about, through the services."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import onnx
import pytest
import safetensors.torch
import timm
import torch
import torchvision
from astropy.io import fits
from onnx import TensorProto, helper
from typer.testing import CliRunner, Result

from installation import Installation
from lse.cli.main import app
from lse.client import Client
from lse.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    ResourceExhaustedError,
)
from survey_steps import RECIPE


@pytest.fixture(scope="module")
def few(client: Client, survey: Path) -> str:
    """Name of a dataset of 24 images of 2 bands and 32 pixels."""
    sources = sorted((survey / "images").glob("*.fits"))
    usable = [path for path in sources if path.name != "broken.fits"][:24]
    client.datasets.ingest("few", usable, recipe=RECIPE).wait(timeout=300, show_progress=False)
    return "few"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """File of the random weights of a small net, as torchvision saves them."""
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("weights") / "net.safetensors"
    safetensors.torch.save_file(torchvision.models.squeezenet1_1(weights=None).state_dict(), path)
    return path


def test_a_pretrained_encoder_is_made_served_and_explained(client: Client, few: str, weights: Path) -> None:
    encoder = client.encoders.pretrained("from-photos", "squeezenet1_1", dataset=few, weights=weights).wait(
        timeout=400, show_progress=False
    )
    assert (encoder.method, encoder.channels, encoder.image_size, encoder.dimension) == ("pretrained", 2, 32, 512)
    assert encoder.parameters == {
        "backbone": "torchvision/squeezenet1_1",
        "weights": "net.safetensors",
        "licence": "not stated by their source",
        "input": "imagenet",
        "input_size": 224,
    }
    assert encoder.figures["onnx_difference"] < 1e-4
    assert encoder.figures["served_difference"] < 1e-3
    assert any("resized from 32 to 224 pixels" in note for note in encoder.notes)
    client.experiments.encode("photos", dataset=few, encoder="from-photos").wait(timeout=300, show_progress=False)
    vectors = np.stack(client.experiments.vectors("photos")["vector"].to_numpy())
    assert vectors.shape == (24, 512)
    np.testing.assert_allclose(vectors.mean(axis=0), 0, atol=1e-3)
    assert np.mean(vectors**2) == pytest.approx(1, rel=1e-2)


def test_a_pretrained_encoder_goes_on_learning(
    client: Client, few: str, weights: Path, installation: Installation
) -> None:
    def run(*options: str) -> Result:
        given = ["encoder", "pretrained", "went-on", "squeezenet1_1", "--dataset", few, "--weights", str(weights)]
        return CliRunner().invoke(app, [*given, "--size", "32", *options, "--address", installation.address])

    refused = run("--epochs", "1")
    assert refused.exit_code != 0
    assert "give adapt, too" in " ".join(refused.output.split())
    done = run("--adapt", "--epochs", "1")
    assert done.exit_code == 0, done.output
    assert "takes about" in done.output
    encoder = client.encoders.get("went-on")
    assert (encoder.parameters["adapt"], encoder.parameters["epochs"]) == (True, 1)
    assert encoder.figures["served_difference"] < 1e-3
    assert len(client.encoders.training_run("went-on").epochs) == 1
    assert len(encoder.loss_curve) == 1


def test_weights_that_cannot_be_had_are_told_of_in_a_sentence(
    client: Client, few: str, weights: Path, tmp_path: Path
) -> None:
    (tmp_path / "text.safetensors").write_text("no weights")
    wrong = [
        (InvalidArgumentError, "BACKBONE_UNKNOWN", "squeezenet1_7", weights),
        (NotFoundError, "WEIGHTS_NOT_FOUND", "squeezenet1_1", tmp_path / "nowhere.safetensors"),
        (InvalidArgumentError, "WEIGHTS_UNREADABLE", "squeezenet1_1", tmp_path / "text.safetensors"),
        (InvalidArgumentError, "WEIGHTS_MISMATCH", "squeezenet1_0", weights),
    ]
    for kind, reason, backbone, path in wrong:
        with pytest.raises(kind) as caught:
            client.encoders.pretrained("broken", backbone, dataset=few, weights=path).wait(
                timeout=200, show_progress=False
            )
        assert caught.value.reason == reason
        assert "\n" not in caught.value.message
    assert "broken" not in {encoder.id for encoder in client.encoders.list()}, "refused before anything is made"


def test_a_folder_of_timm_is_used_through_the_command(
    client: Client, few: str, installation: Installation, tmp_path: Path
) -> None:
    torch.manual_seed(2)
    network = timm.create_model(
        "vit_tiny_patch16_224", pretrained=False, img_size=64, depth=1, embed_dim=48, num_heads=2
    )
    arguments = {"img_size": 64, "depth": 1, "embed_dim": 48, "num_heads": 2}
    timm.models.save_for_hf(
        network,
        str(tmp_path / "mine"),
        model_config={"pretrained_cfg": {"license": "mit"}},
        model_args=arguments,
        safe_serialization=True,
    )

    def run(*options: str) -> Result:
        folder = str(tmp_path / "mine")
        given = ["encoder", "pretrained", "tokens", folder, "--dataset", few, "--address", installation.address]
        return CliRunner().invoke(app, [*given, *options])

    refused = run("--bands", "g,u")
    assert refused.exit_code != 0
    assert "Unknown band 'u'" in refused.output
    assert "multiple, such as 32" in run("--size", "40").output
    done = run("--bands", "r", "--size", "32", "--pool", "cls+mean", "--input", "unit")
    assert done.exit_code == 0, done.output
    encoder = client.encoders.get("tokens")
    assert (encoder.dimension, encoder.parameters["bands"], encoder.parameters["licence"]) == (96, "r", "mit")
    assert encoder.figures["onnx_difference"] < 1e-3


def test_a_training_is_estimated_before_it_starts(client: Client, few: str) -> None:
    settings = {"epochs": 2, "batch_size": 8, "width": 8}
    found = client.encoders.estimate(dataset=few, method="simclr", parameters=settings)
    assert found.fits
    assert 0 < found.minutes < 60
    assert found.parameter_count > 1000
    assert found.parameters["epochs"] == 2
    assert isinstance(found.parameters["latent_dim"], int), "what was not given is chosen from the data"
    assert len(found.notes) > 1
    larger = client.encoders.estimate(dataset=few, method="simclr", parameters={**settings, "backbone": "resnet18"})
    assert larger.memory_bytes > found.memory_bytes
    with pytest.raises(InvalidArgumentError, match="Unknown parameter"):
        client.encoders.estimate(dataset=few, method="simclr", parameters={"epoch": 2})
    with pytest.raises(NotFoundError):
        client.encoders.estimate(dataset="nothing", method="simclr")


def test_backbones_are_listed_and_can_be_trained(client: Client) -> None:
    backbones = {backbone.id: backbone for backbone in client.encoders.backbones()}
    assert backbones.keys() == {"small-conv", "vit-tiny", "resnet18", "resnet50", "convnext-tiny"}
    assert not backbones["small-conv"].pretrained
    assert backbones["resnet18"].minimum_size < 32 < backbones["resnet18"].maximum_size


def test_the_command_line_reaches_them(client: Client, few: str, installation: Installation) -> None:
    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["encoder", *arguments, "--address", installation.address])
        assert done.exit_code == 0, done.output
        return done.stdout

    assert "convnext-tiny" in run("backbones")
    shown = run("estimate", "--dataset", few, "--method", "autoencoder", "--set", "epochs=1", "--set", "width=8")
    assert "GiB free" in shown
    refused = CliRunner().invoke(
        app,
        ["encoder", "pretrained", "e", "resnet19", "--dataset", few, "--address", installation.address],
    )
    assert refused.exit_code != 0
    assert "did you mean" in refused.output


def test_an_onnx_file_with_other_names_is_served(client: Client, few: str, tmp_path: Path) -> None:
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["photo"], ["vectors"]),
            helper.make_node("Flatten", ["vectors"], ["embedding"]),
        ],
        "means",
        [helper.make_tensor_value_info("photo", TensorProto.FLOAT, ["n", 2, 32, 32])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 2])],
    )
    path = tmp_path / "means.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    encoder = client.encoders.import_onnx("theirs", path).wait(timeout=200, show_progress=False)
    assert (encoder.channels, encoder.image_size, encoder.dimension) == (2, 32, 2)
    client.experiments.encode("means", dataset=few, encoder="theirs").wait(timeout=200, show_progress=False)
    assert len(client.experiments.vectors("means")) == 24


def test_vectors_in_hdf5_are_joined_by_name(client: Client, few: str, tmp_path: Path) -> None:
    names = [image.name.rpartition("/")[2] for image in client.datasets.images(few)]
    vectors = np.random.default_rng(0).normal(size=(len(names), 5)).astype(np.float32)
    with h5py.File(tmp_path / "vectors.h5", "w") as file:
        file["survey/names"], file["survey/vectors"] = names[::-1], vectors[::-1]
    client.experiments.import_vectors("ready", tmp_path / "vectors.h5", dataset=few).wait(
        timeout=200, show_progress=False
    )
    table = client.experiments.vectors("ready")
    of = dict(zip(names, vectors, strict=True))
    for name, vector in zip(table["name"].to_pylist(), table["vector"].to_pylist(), strict=True):
        np.testing.assert_array_equal(vector, of[name])


def ingest(client: Client, name: str, folder: Path, images: list[np.ndarray]) -> None:
    """Make a dataset of single-band images."""
    folder.mkdir()
    for number, image in enumerate(images):
        fits.PrimaryHDU(image.astype(np.float32)).writeto(folder / f"image-{number}.fits")
    client.datasets.ingest(name, [folder], recipe={"size": 32}).wait(timeout=200, show_progress=False)


def test_one_image_cannot_be_learnt_from(client: Client, tmp_path: Path) -> None:
    ingest(client, "one", tmp_path / "one", [np.eye(32)])
    for call in (
        lambda: client.encoders.train("e", dataset="one", method="simclr"),
        lambda: client.encoders.estimate(dataset="one", method="simclr"),
        lambda: client.encoders.pretrained("e", "resnet18", dataset="one"),
    ):
        with pytest.raises(FailedPreconditionError, match="one image only"):
            call()


def test_a_training_beyond_the_memory_is_refused(client: Client, few: str) -> None:
    settings = {"epochs": 1, "backbone": "resnet50", "width": 512, "batch_size": 24}
    with pytest.raises(ResourceExhaustedError, match=r"needs about .* choose a smaller backbone") as caught:
        client.encoders.train("large", dataset=few, method="simclr", parameters=settings).wait(
            timeout=300, show_progress=False
        )
    assert caught.value.reason == "TRAINING_TOO_LARGE"
