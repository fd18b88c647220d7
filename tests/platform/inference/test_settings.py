"""Settings and names, and the engine that a process opens."""

from __future__ import annotations

import pickle
import threading

import pytest

from lse.errors import InvalidArgumentError
from lse.platform.inference import InferenceSettings, ModelSignature, ModelVersion, open_engine
from lse.platform.inference.engine import BATCH_BYTES


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "a.b", "../a", "a b", "x" * 201])
def test_wrong_model_names(name: str) -> None:
    with pytest.raises(InvalidArgumentError):
        ModelVersion(name)


def test_wrong_model_version() -> None:
    with pytest.raises(InvalidArgumentError):
        ModelVersion("a", 0)


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "tensorrt"},
        {"kind": "triton"},
        {"kind": "triton", "repository": "models", "backend": "tensorflow"},
        {"kind": "triton", "repository": "models", "backend": "onnxruntime", "shared_memory": True},
        {"max_batch_size": 0},
        {"threads": -1},
        {"window": 0},
        {"timeout": 0.0},
    ],
)
def test_wrong_settings(values: dict[str, object]) -> None:
    with pytest.raises(InvalidArgumentError):
        InferenceSettings(**values)


def test_settings_travel_and_open_one_engine_a_process() -> None:
    settings = InferenceSettings(threads=1)
    copy = pickle.loads(pickle.dumps(settings))
    assert open_engine(copy) is open_engine(settings)
    assert open_engine(InferenceSettings(threads=2)) is not open_engine(settings)

    opened = []
    thread = threading.Thread(target=lambda: opened.append(open_engine(copy)))
    thread.start()
    thread.join()
    assert opened == [open_engine(settings)]


def test_cores_are_shared_among_instances() -> None:
    triton = {"kind": "triton", "repository": "models"}
    settings = InferenceSettings(**triton, threads=3, instances=2)
    assert (settings.instance_count, settings.thread_count) == (2, 3)
    automatic = InferenceSettings(**triton)
    assert 1 <= automatic.instance_count <= 4
    assert automatic.thread_count >= 1
    assert InferenceSettings(**triton, gpu=True).instance_count == 1
    assert InferenceSettings(instances=4).instance_count == 1


def test_a_batch_is_bounded_by_its_pixels() -> None:
    settings = InferenceSettings(kind="triton", repository="models", threads=1, instances=2)
    small, photo, plate = (ModelSignature((3, side, side), 64) for side in (16, 64, 1024))
    assert settings.batch_size(small) == settings.max_batch_size == 768
    assert settings.batch_size(photo) == 512
    assert 512 * 3 * 64 * 64 * 4 <= BATCH_BYTES < 513 * 3 * 64 * 64 * 4
    assert settings.batch_size(plate) == 8
    assert InferenceSettings(max_batch_size=4).batch_size(plate) == 4


def test_only_a_gpu_computes_a_whole_batch_at_once() -> None:
    photo, plate = (ModelSignature((3, side, side), 64) for side in (64, 1024))
    assert [InferenceSettings(gpu=gpu, threads=2).slice_size(photo) for gpu in (False, True)] == [32, 512]
    assert [InferenceSettings(gpu=gpu, threads=2).slice_size(plate) for gpu in (False, True)] == [8, 8]
    assert InferenceSettings(max_batch_size=4).slice_size(photo) == 4


@pytest.mark.parametrize(
    ("count", "requests"), [(0, 0), (1, 1), (16, 1), (17, 2), (512, 2), (513, 2), (1024, 2), (1025, 4), (3072, 6)]
)
def test_requests_share_the_images_among_the_instances(count: int, requests: int) -> None:
    settings = InferenceSettings(kind="triton", repository="models", threads=1, instances=2)
    photo = ModelSignature((3, 64, 64), 64)
    size = settings.request_size(photo, count)
    assert 16 <= size <= settings.batch_size(photo)
    assert -(-count // size) == requests
    # All but what rounding leaves.
    assert requests < 2 or size - count / requests < 16
