"""Versions and precisions of encoders of the catalogue, side by side in each engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnxruntime.transformers.float16 import convert_float_to_float16
from tests.platform.inference.conftest import EncoderFile, triton_settings

from lse.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from lse.platform.artifacts import Artifacts
from lse.platform.catalogue import EncoderRecord
from lse.platform.catalogue.records.encoder import EncoderResult, EncoderSpec, EncoderVersion
from lse.platform.inference import InferenceSettings, open_engine
from lse.platform.inference.encoders import (
    encoder_model,
    loaded_versions,
    serve_encoder,
    withdraw_encoder,
    withdraw_version,
)

IMAGES = np.random.default_rng(1).normal(size=(20, 3, 16, 16)).astype(np.float32)


@pytest.fixture(params=["onnxruntime", pytest.param("triton", marks=pytest.mark.triton)])
def inference(request: pytest.FixtureRequest) -> Iterator[InferenceSettings]:
    """Settings of each of the engines, with nothing loaded."""
    if request.param == "onnxruntime":
        settings = InferenceSettings(threads=1, max_batch_size=8)
    else:
        settings = triton_settings(request.getfixturevalue("triton_server"), shared_memory=True)
    yield settings
    engine = open_engine(settings)
    for model in engine.loaded():
        engine.unload(model)


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(f"file://{tmp_path}")


def encoder(name: str, versions: dict[int, Path]) -> EncoderRecord:
    """Encoder of the catalogue whose last version is in use; those of even number have a file of half precision."""
    found = []
    for number, path in versions.items():
        half = path.with_suffix(".half.onnx")
        if number % 2 == 0:
            onnx.save(convert_float_to_float16(onnx.load(path), keep_io_types=True), half)
        found.append(
            EncoderVersion(
                version=number,
                operation="",
                create_time=0.0,
                dataset="",
                method="import",
                onnx_uri=path.as_uri(),
                half_onnx_uri=half.as_uri() if half.exists() else "",
                channel_count=3,
                image_size=16,
                dimension=5,
            )
        )
    record = EncoderRecord(name=f"projects/p/encoders/{name}", uid=name, spec=EncoderSpec(method="import"))
    return record.with_result(EncoderResult(versions=tuple(found), version=found[-1].version))


def vectors_of(path: Path) -> np.ndarray:
    return onnxruntime.InferenceSession(path).run(["vectors"], {"images": IMAGES})[0]


def test_two_encoders_of_two_versions_are_served_at_once(
    inference: InferenceSettings, artifacts: Artifacts, encoder_file: EncoderFile
) -> None:
    files = {
        name: {n: encoder_file(f"{name}{n}.onnx", seed=n + 10 * len(name)) for n in (1, 2)} for name in ("one", "three")
    }
    encoders = {name: encoder(name, versions) for name, versions in files.items()}
    served = {
        (name, n): serve_encoder(artifacts, inference, encoder_model(encoders[name], n))
        for name in files
        for n in files[name]
    }
    assert loaded_versions(inference, ["one", "three", "four"]) == {"one": [1, 2], "three": [1, 2], "four": []}
    for (name, n), encode in served.items():
        np.testing.assert_allclose(encode(IMAGES), vectors_of(files[name][n]), rtol=1e-4, atol=1e-5)

    withdraw_version(inference, "one", 2)
    withdraw_version(inference, "one", 2)
    assert loaded_versions(inference, ["one", "three"]) == {"one": [1], "three": [1, 2]}
    with pytest.raises(NotFoundError):
        served["one", 2](IMAGES)
    # Whoever needs it next loads it again.
    again = serve_encoder(artifacts, inference, encoder_model(encoders["one"]))
    np.testing.assert_allclose(again(IMAGES), vectors_of(files["one"][2]), rtol=1e-4, atol=1e-5)

    withdraw_encoder(inference, "one")
    assert loaded_versions(inference, ["one", "three"]) == {"one": [], "three": [1, 2]}
    assert open_engine(inference).kept("encoder-one") == []
    assert served["three", 1](IMAGES).shape == (20, 5)


def test_both_precisions_of_a_version(
    inference: InferenceSettings, artifacts: Artifacts, encoder_file: EncoderFile
) -> None:
    path = encoder_file()
    two = encoder("half", {2: path})
    full, half = (serve_encoder(artifacts, inference, encoder_model(two, 2, p))(IMAGES) for p in ("fp32", "fp16"))
    assert half.dtype == np.float32
    assert 0 < np.abs(half - full).max() < 0.01 * np.abs(full).max()
    assert len(open_engine(inference).loaded()) == 2
    assert loaded_versions(inference, ["half"]) == {"half": [2]}
    withdraw_version(inference, "half", 2)
    assert open_engine(inference).loaded() == []


def test_which_version_and_precision_is_meant(encoder_file: EncoderFile) -> None:
    made = encoder("e", {1: encoder_file("1.onnx"), 2: encoder_file("2.onnx")})
    assert made.version().version == 2
    chosen = encoder_model(made)
    assert (chosen.version, chosen.precision, chosen.onnx_uri) == (2, "fp32", made.version(2).onnx_uri)
    assert encoder_model(made, 2, "fp16").onnx_uri.endswith("2.half.onnx")
    in_half = made.with_result(made.result.using(2, "fp16"))
    assert encoder_model(in_half).precision == "fp16"
    # A version without a half file is served in full, whatever is in use; asking for the half is an error.
    assert encoder_model(in_half, 1).precision == "fp32"
    with pytest.raises(FailedPreconditionError, match="half precision"):
        encoder_model(made, 1, "fp16")
    with pytest.raises(NotFoundError, match=r"no version 3: it has 1, 2\."):
        encoder_model(made, 3)
    with pytest.raises(InvalidArgumentError, match="fp8"):
        encoder_model(made, 2, "fp8")
