"""The model repository, the same in a folder and in a bucket."""

from __future__ import annotations

import json
import os
from pathlib import Path

import fsspec
import pytest
from tests.platform.inference.conftest import EncoderFile

from buckets import Bucket
from lse.errors import AlreadyExistsError, UnavailableError
from lse.platform.inference import InferenceSettings, ModelSignature, ModelVersion
from lse.platform.inference.onnx_model import read_model
from lse.platform.inference.triton import TritonEngine
from lse.platform.inference.triton_repository import ModelRepository, model_config, triton_name

FIRST, SECOND = ModelVersion("encoder-a"), ModelVersion("encoder-a", 2)
SIGNATURE = ModelSignature(image_shape=(3, 16, 16), dimension=5)


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Bucket:
    """Where a repository is, and the options to open it."""
    if request.param == "folder":
        return Bucket(str(tmp_path / "models"), {})
    bucket: Bucket = request.getfixturevalue("bucket")
    return Bucket(f"{bucket.url}/models", bucket.options)


def config_of(model: ModelVersion, **settings: object) -> str:
    return model_config(model, SIGNATURE, InferenceSettings(threads=1, instances=1, **settings))


def files_of(place: Bucket, model: ModelVersion) -> list[str]:
    files, root = fsspec.url_to_fs(f"{place.url}/{triton_name(model)}", **place.options)
    files.invalidate_cache()
    return sorted(os.path.relpath(path, root) for path in files.find(root))


def test_a_second_version_comes_beside_the_first(place: Bucket, encoder_file: EncoderFile) -> None:
    repository = ModelRepository(place.url, place.options)
    assert repository.versions("encoder-a") == []
    file, other = read_model(encoder_file()), read_model(encoder_file("other.onnx", seed=2))
    assert repository.put(FIRST, file, config_of(FIRST))
    assert not repository.put(FIRST, file, config_of(FIRST))
    assert repository.put(SECOND, other, config_of(SECOND))
    # What one process wrote, another one sees at once.
    late = ModelRepository(place.url, place.options)
    assert late.versions("encoder-a") == [FIRST, SECOND]
    assert (late.digest(FIRST), late.digest(SECOND)) == (file.digest, other.digest)
    assert late.signature(SECOND) == SIGNATURE
    assert files_of(place, SECOND) == ["2/model.onnx", "2/model.py", "2/model.sha256", "config.pbtxt"]
    late.remove(FIRST)
    assert files_of(place, FIRST) == []
    assert (repository.versions("encoder-a"), repository.digest(FIRST)) == ([SECOND], None)
    repository.remove(FIRST)


def test_other_settings_replace_the_configuration_alone(place: Bucket, encoder_file: EncoderFile) -> None:
    repository, file = ModelRepository(place.url, place.options), read_model(encoder_file())
    repository.put(FIRST, file, config_of(FIRST))
    assert repository.put(FIRST, file, config_of(FIRST, gpu=True))
    assert not repository.put(FIRST, file, config_of(FIRST, gpu=True))
    with pytest.raises(AlreadyExistsError) as caught:
        repository.put(FIRST, read_model(encoder_file("other.onnx", seed=2)), config_of(FIRST))
    assert caught.value.reason == "MODEL_VERSION_TAKEN"
    assert repository.digest(FIRST) == file.digest


def test_a_version_is_not_there_before_its_configuration(bucket: Bucket, encoder_file: EncoderFile) -> None:
    """A process that was killed while it wrote to a bucket leaves nothing that counts, and the next one writes all."""
    repository, file = ModelRepository(bucket.url, bucket.options), read_model(encoder_file())
    files, root = fsspec.url_to_fs(bucket.url, **bucket.options)
    files.pipe_file(f"{root}/{triton_name(FIRST)}/1/model.onnx", b"half of")
    assert (repository.digest(FIRST), repository.signature(FIRST)) == (None, None)
    assert repository.put(FIRST, file, config_of(FIRST))
    assert files.cat_file(f"{root}/{triton_name(FIRST)}/1/model.onnx") == file.content


def test_an_engine_writes_to_the_bucket_of_its_settings(bucket: Bucket, encoder_file: EncoderFile) -> None:
    options = json.dumps(bucket.options)
    settings = InferenceSettings(
        kind="triton", url="127.0.0.1:9", repository=bucket.url, repository_options=options, timeout=5.0
    )
    engine = TritonEngine(settings)
    with pytest.raises(UnavailableError):
        engine.load(FIRST, encoder_file())
    assert engine.kept("encoder-a") == [FIRST]
    engine.close()
