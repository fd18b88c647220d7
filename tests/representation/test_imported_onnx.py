"""Encoders made elsewhere: other names, other shapes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from lse.errors import InvalidArgumentError
from lse.representation.imported_onnx import EncoderSignature, check_onnx_encoder, checked_encoder, rename_ports


def write(
    path: Path, nodes: list[onnx.NodeProto], *, input_name: str, output_name: str, shape: tuple[int, int]
) -> Path:
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(input_name, TensorProto.FLOAT, ["n", 1, *shape])],
        [helper.make_tensor_value_info(output_name, TensorProto.FLOAT, ["n", "d"])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


def branch(name: str, operator: str) -> onnx.GraphProto:
    """A graph within the graph, that reads the outer input."""
    output = helper.make_tensor_value_info(f"{name}_out", TensorProto.FLOAT, None)
    return helper.make_graph([helper.make_node(operator, ["photo"], [f"{name}_out"])], name, [], [output])


def nodes(output_name: str) -> list[onnx.NodeProto]:
    """Negate black images and only flatten others; values inside have the names that encoders are served with."""
    return [
        helper.make_node("ReduceMax", ["photo"], ["images"], keepdims=0),
        helper.make_node("Constant", [], ["zero"], value_float=0.0),
        helper.make_node("Greater", ["images", "zero"], ["vectors"]),
        helper.make_node(
            "If", ["vectors"], ["chosen"], then_branch=branch("a", "Identity"), else_branch=branch("b", "Neg")
        ),
        helper.make_node("Flatten", ["chosen"], [output_name]),
    ]


def test_other_names_are_changed_within_the_graph(tmp_path: Path) -> None:
    path = write(
        tmp_path / "encoder.onnx", nodes("embedding"), input_name="photo", output_name="embedding", shape=(4, 4)
    )
    pixels = np.random.default_rng(0).normal(size=(3, 1, 4, 4)).astype(np.float32)
    before = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"photo": pixels})[0]
    found = check_onnx_encoder(path)
    assert (found.input_name, found.output_name) == ("photo", "embedding")
    renamed, content = rename_ports(path.read_bytes(), found)
    assert renamed == EncoderSignature(channels=1, height=4, width=4, dimension=16)
    path.write_bytes(content)
    assert check_onnx_encoder(path) == EncoderSignature(channels=1, height=4, width=4, dimension=16)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for images in (pixels, -np.abs(pixels)):
        expected = images if images.max() > 0 else -images
        np.testing.assert_array_equal(session.run(["vectors"], {"images": images})[0], expected.reshape(3, -1))
    np.testing.assert_array_equal(before, pixels.reshape(3, -1))


def test_names_that_are_exchanged_are_put_right(tmp_path: Path) -> None:
    flatten = [helper.make_node("Flatten", ["vectors"], ["images"])]
    path = write(tmp_path / "encoder.onnx", flatten, input_name="vectors", output_name="images", shape=(4, 4))
    path.write_bytes(checked_encoder(path, "mine")[1])
    assert check_onnx_encoder(path).input_name == "images"


def test_a_file_with_the_right_names_is_left_alone(tmp_path: Path) -> None:
    flatten = [helper.make_node("Flatten", ["images"], ["vectors"])]
    path = write(tmp_path / "encoder.onnx", flatten, input_name="images", output_name="vectors", shape=(4, 4))
    assert checked_encoder(path, "mine")[1] == path.read_bytes()


def test_images_that_are_no_squares_are_refused(tmp_path: Path) -> None:
    flatten = [helper.make_node("Flatten", ["x"], ["y"])]
    path = write(tmp_path / "encoder.onnx", flatten, input_name="x", output_name="y", shape=(4, 8))
    with pytest.raises(InvalidArgumentError, match="takes images of 8 by 4 pixels, and prepared images are square"):
        check_onnx_encoder(path)


def hostile_tensor() -> TensorProto:
    """A tensor whose values are said to be in another file."""
    tensor = TensorProto(dims=[4], data_type=TensorProto.FLOAT, name="secret", data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="secret.bin")
    return tensor


def within(place: str) -> list[onnx.NodeProto]:
    """Nodes of an encoder with such a tensor as a constant, in a branch, or in a branch of a branch."""
    constant = helper.make_node("Constant", [], ["secret"], value=hostile_tensor())
    if place == "constant":
        return [constant, helper.make_node("Flatten", ["images"], ["vectors"])]
    inner = [constant, helper.make_node("Identity", ["secret"], ["chosen"])]
    output = helper.make_tensor_value_info("chosen", TensorProto.FLOAT, [4])
    if place == "deeper":
        graph = helper.make_graph(inner, "inner", [], [output])
        inner = [
            helper.make_node("Constant", [], ["true"], value=numpy_helper.from_array(np.array(True))),
            helper.make_node("If", ["true"], ["chosen"], then_branch=graph, else_branch=graph),
        ]
    graph = helper.make_graph(inner, "outer", [], [output])
    return [
        helper.make_node("Constant", [], ["which"], value=numpy_helper.from_array(np.array(True))),
        helper.make_node("If", ["which"], ["values"], then_branch=graph, else_branch=graph),
        helper.make_node("Flatten", ["images"], ["vectors"]),
    ]


@pytest.mark.parametrize("place", ["constant", "branch", "deeper"])
def test_tensors_in_other_files_are_found_wherever_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "secret.bin").write_bytes(np.arange(4, dtype=np.float32).tobytes())
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "encoder.onnx", within(place), input_name="images", output_name="vectors", shape=(4, 4))
    with pytest.raises(InvalidArgumentError, match="keeps weights in another file") as caught:
        check_onnx_encoder(path)
    assert caught.value.reason == "ONNX_WEIGHTS_MISSING"


def test_loops_are_refused(tmp_path: Path) -> None:
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"])],
        "body",
        [
            helper.make_tensor_value_info("step", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("on", TensorProto.BOOL, [])],
    )
    steps, go = (numpy_helper.from_array(np.array(value), "") for value in (2**62, True))
    looped = [
        helper.make_node("Constant", [], ["steps"], value=steps),
        helper.make_node("Constant", [], ["go"], value=go),
        helper.make_node("Loop", ["steps", "go"], [], body=body),
        helper.make_node("Flatten", ["images"], ["vectors"]),
    ]
    path = write(tmp_path / "encoder.onnx", looped, input_name="images", output_name="vectors", shape=(4, 4))
    with pytest.raises(InvalidArgumentError, match=r"has a loop \(Loop\)") as caught:
        check_onnx_encoder(path)
    assert caught.value.reason == "ONNX_UNSUPPORTED"
