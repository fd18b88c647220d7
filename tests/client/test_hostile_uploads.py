"""Uploads that are made to harm: each is refused in one sentence, and the services go on."""

from __future__ import annotations

import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from lse.client import connect
from lse.errors import InvalidArgumentError, LseError, ResourceExhaustedError
from running_services import RunningServices


def model(path: Path, nodes: list[object]) -> Path:
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 1, 16, 16])],
        [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["n", "d"])],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    path.write_bytes(made.SerializeToString())
    return path


def vast_constant(path: Path, count: int) -> Path:
    """An encoder of some hundred bytes whose graph makes a constant of `count` numbers."""
    return model(
        path,
        [
            helper.make_node("Constant", [], ["shape"], value=numpy_helper.from_array(np.array([count]))),
            helper.make_node("ConstantOfShape", ["shape"], ["vast"]),
            helper.make_node("ReduceMax", ["vast"], ["zero"], keepdims=0),
            helper.make_node("Flatten", ["images"], ["pixels"]),
            helper.make_node("Add", ["pixels", "zero"], ["vectors"]),
        ],
    )


@pytest.mark.parametrize("count", [2**28, 2**31, 2**40])
def test_a_small_encoder_cannot_take_all_memory(
    services: RunningServices, prepared: str, tmp_path: Path, count: int
) -> None:
    path = vast_constant(tmp_path / "vast.onnx", count)
    assert path.stat().st_size < 1000
    began = time.monotonic()
    with connect(services.address, project=prepared) as client:
        with pytest.raises(LseError) as caught:
            client.encoders.import_onnx(f"vast-{count}", path).wait(show_progress=False)
        assert caught.value.reason in {"READING_TOO_LARGE", "ONNX_INVALID", "ONNX_RUN_FAILED"}
        assert time.monotonic() - began < 60
        assert client.datasets.get("first").prepared == 24


def test_a_small_file_of_vectors_cannot_take_all_memory(
    services: RunningServices, prepared: str, tmp_path: Path
) -> None:
    with connect(services.address, project=prepared) as client:
        names = client.datasets.table("first").to_pydict()["name"]
        wide, long = tmp_path / "wide.h5", tmp_path / "long.h5"
        for path, shape in ((wide, (len(names), 2_500_000)), (long, (2**40, 4))):
            with h5py.File(path, "w") as file:
                file.create_dataset("vectors", shape=shape, dtype="f4", fillvalue=1.0, chunks=(1, 4))
                file["names"] = names
            assert path.stat().st_size < 10_000
            with pytest.raises(InvalidArgumentError) as caught:
                client.experiments.import_vectors(path.stem, path, dataset="first").wait(show_progress=False)
            assert caught.value.reason == "VECTORS_FILE_INVALID"
        names_too = tmp_path / "both.h5"
        with h5py.File(names_too, "w") as file:
            file.create_dataset("vectors", shape=(2**31, 64), dtype="f4", fillvalue=1.0, chunks=(1, 4))
            file.create_dataset("names", shape=(2**31,), dtype="S16", fillvalue=b"x", chunks=(1,))
        with pytest.raises(ResourceExhaustedError) as exhausted:
            client.experiments.import_vectors("both", names_too, dataset="first").wait(show_progress=False)
        assert exhausted.value.reason == "READING_TOO_LARGE"
