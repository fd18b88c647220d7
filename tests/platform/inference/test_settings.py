"""Settings and names, and the engine that a process opens."""

from __future__ import annotations

import pickle
import threading

import pytest

from lse.platform.errors import InvalidArgumentError
from lse.platform.inference import InferenceSettings, ModelVersion, open_engine


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
