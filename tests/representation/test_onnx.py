"""ONNX files of encoders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from PIL import Image

import training_setup as setup
from lse.errors import InternalError, InvalidArgumentError
from lse.representation import onnx as onnx_files
from lse.representation.imported_onnx import EncoderSignature, check_onnx_encoder
from lse.representation.onnx import export_both, export_half, export_onnx
from lse.representation.training.run import train, untrained
from lse.representation.training.trained import TrainedEncoder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedEncoder:
    return setup.run("simclr", tmp_path_factory.mktemp("simclr"))


@pytest.fixture(scope="module")
def exported(trained: TrainedEncoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "encoder.onnx"
    export_onnx(trained.encoder, path, samples=setup.images())
    return path


@pytest.mark.parametrize("count", [1, 3, 60])
def test_an_exported_encoder_gives_the_vectors_of_the_trained_one(
    trained: TrainedEncoder, exported: Path, count: int
) -> None:
    assert [path.name for path in exported.parent.iterdir()] == ["encoder.onnx"]
    session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
    pixels = setup.images()[:count]
    (vectors,) = session.run(["vectors"], {"images": pixels})
    np.testing.assert_allclose(vectors, trained.encode(pixels), rtol=1e-4, atol=1e-4)


def test_an_exported_encoder_is_an_encoder(exported: Path) -> None:
    assert check_onnx_encoder(exported) == EncoderSignature(channels=2, height=16, width=16, dimension=6)


def test_real_images_through_the_autoencoder(
    test_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    files = sorted((test_data / "first_radio_png").rglob("*.png"))[::40]
    pixels = np.stack([np.asarray(Image.open(file).convert("L"))[None, 118:182, 118:182] for file in files]) / 255
    pixels = np.sqrt(pixels).astype(np.float32)
    parameters = {"epochs": 2, "width": 8, "batch_size": 32}
    trained = train(pixels, method="autoencoder", parameters=parameters, workdir=tmp_path, threads=1)
    assert export_onnx(trained.encoder, tmp_path / "encoder.onnx", samples=pixels) < 1e-4
    # On this processor too, which computes the half file in float32, the neighbours stay the same.
    assert export_half(tmp_path / "encoder.onnx", tmp_path / "half.onnx", samples=pixels) < 0.005
    full, half = (vectors_of(tmp_path / name, pixels) for name in ("encoder.onnx", "half.onnx"))
    assert half.dtype == np.float32
    np.testing.assert_array_less(
        0.9999, np.sum(full * half, 1) / np.linalg.norm(full, axis=1) / np.linalg.norm(half, axis=1)
    )
    assert check_onnx_encoder(tmp_path / "encoder.onnx").dimension == 64
    assert capfd.readouterr() == ("", "")


def vectors_of(path: Path, pixels: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["vectors"], {"images": pixels})[0]


class NoticesTheExport(torch.nn.Module):
    """A module that gives other vectors while it is exported."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(start_dim=1) * (1.01 if torch.compiler.is_exporting() else 1.0)


def test_an_export_that_differs_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(InternalError, match="not written"):
        export_onnx(NoticesTheExport(), tmp_path / "encoder.onnx", samples=setup.images())
    assert not list(tmp_path.iterdir())


def test_any_module_can_be_exported(tmp_path: Path) -> None:
    module = torch.nn.Sequential(torch.nn.AvgPool2d(4), torch.nn.Flatten(), torch.nn.Linear(32, 3))
    export_onnx(module, tmp_path / "encoder.onnx", samples=setup.images())
    assert check_onnx_encoder(tmp_path / "encoder.onnx").dimension == 3


@pytest.mark.parametrize("background", [0, 10_000])
def test_half_precision_keeps_what_stands_on_a_high_background(tmp_path: Path, background: float) -> None:
    # float16 has steps of 8 at 10,000, and these images have a structure of 1: only a normalisation in full sees it.
    pixels = setup.images() + np.float32(background)
    trained = untrained(pixels, method="simclr", parameters={**setup.PARAMETERS["simclr"], "seed": 1})
    export_onnx(trained.encoder, tmp_path / "full.onnx", samples=pixels)
    assert export_half(tmp_path / "full.onnx", tmp_path / "half.onnx", samples=pixels) < 0.01
    # Images and vectors stay float32, and any number of images is taken.
    assert check_onnx_encoder(tmp_path / "half.onnx") == check_onnx_encoder(tmp_path / "full.onnx")
    for count in (1, 7):
        full, half = (vectors_of(tmp_path / f"{name}.onnx", pixels[:count]) for name in ("full", "half"))
        np.testing.assert_allclose(half, full, atol=0.01 * np.abs(full).max())
    weights = [tensor.data_type for tensor in onnx.load(tmp_path / "half.onnx").graph.initializer]
    assert TensorProto.FLOAT16 in weights


def test_half_precision_that_overflows_is_left_out(tmp_path: Path) -> None:
    module = torch.nn.Sequential(torch.nn.Conv2d(2, 2, 1), torch.nn.Flatten())
    with torch.no_grad():
        module[0].weight.fill_(60_000)
    export_onnx(module, tmp_path / "full.onnx", samples=setup.images() + 2)
    assert export_half(tmp_path / "full.onnx", tmp_path / "half.onnx", samples=setup.images() + 2) == np.inf
    assert not (tmp_path / "half.onnx").exists()


def _model(path: Path, *, inputs: list[object], outputs: list[object], nodes: list[onnx.NodeProto]) -> Path:
    graph = helper.make_graph(nodes, "graph", inputs, outputs)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


def _port(name: str, shape: list[object], kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


FLATTEN = helper.make_node("Flatten", ["x"], ["y"])
CASES = {
    "one float32 input": ([_port("x", ["n", 8])], [_port("y", ["n", 8])], [FLATTEN]),
    "one float32 output": (
        [_port("x", ["n", 1, 4, 4])],
        [_port("y", ["n", 1, 4, 4])],
        [helper.make_node("Identity", ["x"], ["y"])],
    ),
    "free batch axis": ([_port("x", [1, 1, 4, 4])], [_port("y", [1, 16])], [FLATTEN]),
    "fix channels, height and width": ([_port("x", ["n", 1, "h", "w"])], [_port("y", ["n", "d"])], [FLATTEN]),
    "not one vector each": (
        [_port("x", ["n", 1, 4, 4])],
        [_port("y", ["m", "d"])],
        [helper.make_node("Flatten", ["x"], ["y"], axis=0)],
    ),
    "not finite": (
        [_port("x", ["n", 1, 4, 4])],
        [_port("z", ["n", 16])],
        [FLATTEN, helper.make_node("Reciprocal", ["y"], ["z"])],
    ),
}


@pytest.mark.parametrize("sentence", CASES)
def test_a_model_that_is_no_encoder_is_refused(sentence: str, tmp_path: Path) -> None:
    inputs, outputs, nodes = CASES[sentence]
    path = _model(tmp_path / "model.onnx", inputs=inputs, outputs=outputs, nodes=nodes)
    with pytest.raises(InvalidArgumentError, match=sentence):
        check_onnx_encoder(path)


def test_an_encoder_that_does_not_declare_its_dimension_is_measured(tmp_path: Path) -> None:
    path = _model(
        tmp_path / "model.onnx", inputs=[_port("x", ["n", 1, 4, 4])], outputs=[_port("y", ["n", "d"])], nodes=[FLATTEN]
    )
    signature = check_onnx_encoder(path)
    assert (signature.dimension, signature.input_name, signature.output_name) == (16, "x", "y")


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    with pytest.raises(InvalidArgumentError, match="cannot be read"):
        check_onnx_encoder(path)
    for content in (b"", b"hello, I am no model", b"\x08\x0a"):
        path.write_bytes(content)
        with pytest.raises(InvalidArgumentError):
            check_onnx_encoder(path)


def test_weights_in_another_file_are_refused(exported: Path, tmp_path: Path) -> None:
    model = onnx.load(exported)
    onnx.save(model, tmp_path / "model.onnx", save_as_external_data=True, size_threshold=0, location="weights")
    with pytest.raises(InvalidArgumentError, match="weights in another file"):
        check_onnx_encoder(tmp_path / "model.onnx")


def test_exporting_leaves_torch_as_it_was(trained: TrainedEncoder, exported: Path) -> None:
    assert torch.is_grad_enabled()
    assert onnx_files.INPUT_NAME == "images"


@pytest.mark.parametrize(("scale", "half"), [(1.0, True), (60_000.0, False)])
def test_a_version_has_a_half_file_where_that_is_near_enough(tmp_path: Path, scale: float, half: bool) -> None:
    module = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3, bias=False), torch.nn.Flatten())
    torch.nn.init.constant_(module[0].weight, scale)  # sums of nine beyond 65,504 are infinite in float16
    samples = np.random.default_rng(0).uniform(1, 2, size=(4, 1, 8, 8)).astype(np.float32)
    files = export_both(module, tmp_path, samples=samples)
    assert files.figures["onnx_difference"] <= 1e-4
    assert ("half_difference" in files.figures) == (files.half is not None) == half
    assert [note.startswith("There is no file of half precision: ") for note in files.notes] == ([] if half else [True])
    for path in filter(None, (files.full, files.half)):
        session = onnxruntime.InferenceSession(path)
        (vectors,) = session.run(["vectors"], {"images": samples[:1]})
        expected = module(torch.from_numpy(samples[:1])).detach().numpy()
        np.testing.assert_allclose(vectors, expected, rtol=2e-3)
