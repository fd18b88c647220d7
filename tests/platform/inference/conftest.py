"""Small encoders, and the engines that the same tests run against."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest

from lse.platform.config import load_settings
from lse.platform.inference import InferenceEngine, InferenceSettings
from lse.platform.inference.onnxruntime import OnnxRuntimeEngine
from lse.platform.inference.triton import TritonEngine
from lse.platform.inference.triton_server import TritonServer, find_triton

EncoderFile = Callable[..., Path]
MAX_BATCH_SIZE = 8


def write_encoder(
    path: Path,
    *,
    seed: int = 0,
    shape: tuple[int, int, int] = (3, 16, 16),
    dimension: int = 5,
    batch: str | int = "n",
    names: tuple[str, str] = ("images", "vectors"),
) -> Path:
    """Write a convolution, a global average and a linear layer with random weights as ONNX."""
    rng = np.random.default_rng(seed)
    weights = {
        "kernel": rng.normal(size=(4, shape[0], 3, 3)),
        "matrix": rng.normal(size=(4, dimension)),
        "bias": rng.normal(size=dimension),
    }
    node = onnx.helper.make_node
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [
            node("Conv", [names[0], "kernel"], ["conv"], pads=[1, 1, 1, 1], strides=[2, 2]),
            node("Relu", ["conv"], ["relu"]),
            node("GlobalAveragePool", ["relu"], ["pool"]),
            node("Flatten", ["pool"], ["flat"]),
            node("Gemm", ["flat", "matrix", "bias"], [names[1]]),
        ],
        "encoder",
        [value(names[0], onnx.TensorProto.FLOAT, [batch, *shape])],
        [value(names[1], onnx.TensorProto.FLOAT, [batch, dimension])],
        [onnx.numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


@pytest.fixture
def encoder_file(tmp_path: Path) -> EncoderFile:
    """Writer of an encoder, see `write_encoder`."""

    def write(name: str = "encoder.onnx", **kwargs: object) -> Path:
        return write_encoder(tmp_path / name, **kwargs)

    return write


@pytest.fixture(scope="session")
def triton_program() -> Path:
    """Folder of the installed Triton, or a skip."""
    program = find_triton(load_settings().triton_dir)
    if program is None:
        pytest.skip("Triton is not installed: run `make triton`")
    return program


@pytest.fixture(scope="session")
def triton_server(triton_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    """Return a running Triton, shared by the tests."""
    with TritonServer(triton_program, tmp_path_factory.mktemp("models")) as server:
        yield server


def triton_settings(server: TritonServer, **changes: object) -> InferenceSettings:
    values = {"max_batch_size": MAX_BATCH_SIZE, "threads": 1, "instances": 1, "timeout": 60.0, **changes}
    return InferenceSettings(kind="triton", url=server.url, repository=os.fspath(server.repository), **values)


@pytest.fixture(
    params=[
        "onnxruntime",
        pytest.param("triton", marks=pytest.mark.triton),
        pytest.param("triton shared memory", marks=pytest.mark.triton),
    ]
)
def engine(request: pytest.FixtureRequest) -> Iterator[InferenceEngine]:
    """Each of the engines, with nothing loaded."""
    if request.param == "onnxruntime":
        engine: InferenceEngine = OnnxRuntimeEngine(InferenceSettings(max_batch_size=MAX_BATCH_SIZE, threads=1))
    else:
        server = request.getfixturevalue("triton_server")
        engine = TritonEngine(triton_settings(server, shared_memory="shared" in request.param))
    assert engine.loaded() == []
    yield engine
    for model in engine.loaded():
        engine.unload(model)
    engine.close()
