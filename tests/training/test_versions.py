"""The versions in the result of an encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from lse.platform.artifacts import Artifacts
from lse.platform.catalogue import Resource
from lse.platform.inference.encoders import version_of
from lse.training.versions import add_version, export_version, next_version, use_version

MADE = {"onnx_uri": "a", "half_onnx_uri": "", "settings": {"width": 8}, "dimension": 4, "figures": {}, "notes": []}
ORIGIN = {"dataset": "projects/p/datasets/d", "method": "simclr", "seed": 3}


def encoder(result: dict[str, object]) -> Resource:
    return Resource("projects/p/encoders/e", "encoder", "projects/p", state="ready", result=result)


def test_a_new_version_comes_into_use_and_the_old_one_stays() -> None:
    first = add_version({}, MADE, operation="o1", **ORIGIN)
    assert (first["version"], first["precision"], first["dimension"]) == (1, "fp32", 4)
    assert first["evaluations"] == []
    judged = {**first, "evaluations": [{"version": 1}], "precision": "fp16"}
    second = add_version(judged, {**MADE, "onnx_uri": "b", "dimension": 6}, operation="o2", **{**ORIGIN, "seed": 4})
    assert (second["version"], second["dimension"], second["seed"], second["operation"]) == (2, 6, 4, "o2")
    # The half file of another version says nothing about this one.
    assert second["precision"] == "fp32"
    assert second["evaluations"] == [{"version": 1}]
    assert [(each["version"], each["onnx_uri"]) for each in second["versions"]] == [(1, "a"), (2, "b")]
    assert next_version(second) == 3


def test_a_rollback_brings_back_everything_of_the_old_version() -> None:
    first = add_version({}, MADE, operation="o1", **ORIGIN)
    second = add_version(first, {**MADE, "onnx_uri": "b", "decoder_uri": "only here"}, operation="o2", **ORIGIN)
    back = use_version(second, version_of(encoder(second), 1), precision="fp32")
    assert back == {**first, "versions": second["versions"]}
    # Numbers are not used again, so that an experiment keeps its version.
    assert next_version(back) == 3


@pytest.mark.parametrize("times", [1, 3])
def test_results_from_before_there_were_versions(times: int) -> None:
    result: dict[str, object] = {**MADE, "evaluations": [{"dataset": "d"}]}
    for _ in range(times):
        result = add_version(result, MADE, operation="o", **ORIGIN)
    assert [each["version"] for each in result["versions"]] == list(range(1, times + 2))
    assert result["evaluations"] == [{"dataset": "d"}]
    assert "evaluations" not in result["versions"][0]


@pytest.mark.parametrize(("scale", "half"), [(1.0, True), (60_000.0, False)])
def test_a_version_has_a_half_file_where_that_is_near_enough(tmp_path: Path, scale: float, half: bool) -> None:
    module = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3, bias=False), torch.nn.Flatten())
    torch.nn.init.constant_(module[0].weight, scale)  # sums of nine beyond 65,504 are infinite in float16
    samples = np.random.default_rng(0).uniform(1, 2, size=(4, 1, 8, 8)).astype(np.float32)
    artifacts = Artifacts(f"file://{tmp_path}")
    files = export_version(artifacts, module, f"{artifacts.url}/encoder", samples=samples)
    assert files["figures"]["onnx_difference"] <= 1e-4
    assert ("half_difference" in files["figures"]) == bool(files["half_onnx_uri"]) == half
    assert [note.startswith("There is no file of half precision: ") for note in files["notes"]] == (
        [] if half else [True]
    )
    for uri in filter(None, (files["onnx_uri"], files["half_onnx_uri"])):
        session = onnxruntime.InferenceSession(artifacts.read_bytes(uri))
        (vectors,) = session.run(["vectors"], {"images": samples[:1]})
        expected = module(torch.from_numpy(samples[:1])).detach().numpy()
        np.testing.assert_allclose(vectors, expected, rtol=2e-3)
