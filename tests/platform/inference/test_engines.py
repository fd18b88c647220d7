"""What every engine does, alike."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx.reference
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.platform.inference.conftest import MAX_BATCH_SIZE, EncoderFile

from lse.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError
from lse.platform.inference import InferenceEngine, ModelSignature, ModelVersion

GALAXIES = ModelVersion("projects/p/encoders/galaxies")


def random_images(count: int, shape: tuple[int, int, int] = (3, 16, 16), seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, *shape)).astype(np.float32)


def expected(path: Path, images: np.ndarray) -> np.ndarray:
    """Vectors by ONNX's own reference evaluator, which no engine uses."""
    return onnx.reference.ReferenceEvaluator(os.fspath(path)).run(["vectors"], {"images": images})[0]


def test_vectors_are_those_of_the_graph(engine: InferenceEngine, encoder_file: EncoderFile) -> None:
    path = encoder_file()
    assert engine.load(GALAXIES, path) == ModelSignature(image_shape=(3, 16, 16), dimension=5)
    images = random_images(3)
    vectors = engine.encode(GALAXIES, images)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, expected(path, images), rtol=1e-4, atol=1e-5)


def test_any_number_of_images(engine: InferenceEngine, encoder_file: EncoderFile) -> None:
    path = encoder_file()
    engine.load(GALAXIES, path)
    assert engine.encode(GALAXIES, random_images(0)).shape == (0, 5)
    for count in (1, MAX_BATCH_SIZE, MAX_BATCH_SIZE + 1, 10 * MAX_BATCH_SIZE + 3):
        images = random_images(count)
        vectors = engine.encode(GALAXIES, images)
        np.testing.assert_allclose(vectors, expected(path, images), rtol=1e-4, atol=1e-5)


def test_order_and_splitting_do_not_matter(engine: InferenceEngine, encoder_file: EncoderFile) -> None:
    engine.load(GALAXIES, encoder_file())
    images = random_images(4 * MAX_BATCH_SIZE)
    whole = engine.encode(GALAXIES, images)

    @given(st.permutations(range(len(images))), st.integers(1, len(images)))
    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    def holds(order: list[int], count: int) -> None:
        chosen = np.array(order[:count])
        np.testing.assert_allclose(engine.encode(GALAXIES, images[chosen]), whole[chosen], rtol=1e-4, atol=1e-5)

    holds()


def test_images_need_not_be_contiguous(engine: InferenceEngine, encoder_file: EncoderFile) -> None:
    engine.load(GALAXIES, encoder_file())
    images = random_images(6).transpose(0, 1, 3, 2)[::2]
    np.testing.assert_allclose(
        engine.encode(GALAXIES, images), engine.encode(GALAXIES, images.copy()), rtol=1e-4, atol=1e-5
    )


def test_versions_and_models_side_by_side(engine: InferenceEngine, encoder_file: EncoderFile) -> None:
    paths = {
        ModelVersion("projects/p/encoders/galaxies", 1): encoder_file("a.onnx", seed=1),
        ModelVersion("projects/p/encoders/galaxies", 2): encoder_file("b.onnx", seed=2, dimension=9),
        ModelVersion("projects/p/encoders/stars", 1): encoder_file("c.onnx", seed=3),
    }
    for model, path in paths.items():
        engine.load(model, path)
    assert engine.loaded() == sorted(paths)
    images = random_images(20)
    with ThreadPoolExecutor() as threads:
        vectors = list(threads.map(lambda model: engine.encode(model, images), [*paths] * 3))
    for model, got in zip([*paths] * 3, vectors, strict=True):
        np.testing.assert_allclose(got, expected(paths[model], images), rtol=1e-4, atol=1e-5)

    second = ModelVersion("projects/p/encoders/galaxies", 2)
    assert engine.kept(second.name) == [GALAXIES, second]
    engine.unload(second)
    assert engine.loaded() == sorted(set(paths) - {second})
    assert engine.kept(second.name) == [GALAXIES]
    with pytest.raises(NotFoundError):
        engine.encode(second, images)
    assert engine.encode(ModelVersion("projects/p/encoders/galaxies", 1), images).shape == (20, 5)


def test_loading_again_is_nothing_and_another_file_is_refused(
    engine: InferenceEngine, encoder_file: EncoderFile
) -> None:
    path, other = encoder_file(seed=1), encoder_file("other.onnx", seed=2, dimension=7)
    assert engine.load(GALAXIES, path) == engine.load(GALAXIES, path)
    with pytest.raises(AlreadyExistsError) as caught:
        engine.load(GALAXIES, other)
    assert caught.value.reason == "MODEL_VERSION_TAKEN"
    assert engine.signature(GALAXIES).dimension == 5

    engine.unload(GALAXIES)
    assert engine.load(GALAXIES, other).dimension == 7
    assert engine.encode(GALAXIES, random_images(2)).shape == (2, 7)


def test_source_may_be_a_uri(engine: InferenceEngine, encoder_file: EncoderFile) -> None:
    assert engine.load(GALAXIES, encoder_file().as_uri()).dimension == 5


def test_unknown_model(engine: InferenceEngine) -> None:
    for call in (engine.signature, engine.unload, lambda model: engine.encode(model, random_images(1))):
        with pytest.raises(NotFoundError, match=r"galaxies version 1 is not loaded; load it first\.") as caught:
            call(GALAXIES)
        assert caught.value.reason == "MODEL_NOT_FOUND"


def test_wrong_images(engine: InferenceEngine, encoder_file: EncoderFile) -> None:
    engine.load(GALAXIES, encoder_file())
    wrong = {
        "IMAGES_SHAPE_INVALID": [
            np.zeros((2, 3, 16, 17), np.float32),
            np.zeros((2, 1, 16, 16), np.float32),
            np.zeros((3, 16, 16), np.float32),
        ],
        "IMAGES_TYPE_INVALID": [np.zeros((2, 3, 16, 16)), np.zeros((2, 3, 16, 16), np.uint8), [[1.0]]],
    }
    for reason, cases in wrong.items():
        for images in cases:
            with pytest.raises(InvalidArgumentError) as caught:
                engine.encode(GALAXIES, images)
            assert caught.value.reason == reason


def test_wrong_files(engine: InferenceEngine, encoder_file: EncoderFile, tmp_path: Path) -> None:
    right = encoder_file()
    text = tmp_path / "text.onnx"
    text.write_text("this is not a model")
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(right.read_bytes()[:200])
    two = tmp_path / "two.onnx"
    model = onnx.load(right)
    model.graph.output.append(onnx.helper.make_tensor_value_info("flat", onnx.TensorProto.FLOAT, None))
    onnx.save(model, two)
    # Weights in a file beside it, which no server would find.
    split = tmp_path / "split.onnx"
    onnx.save(onnx.load(right), split, save_as_external_data=True, location="weights", size_threshold=0)
    fixed, names = encoder_file("fixed.onnx", batch=4), encoder_file("names.onnx", names=("x", "y"))
    for path in (text, cut, two, split, fixed, names):
        with pytest.raises(InvalidArgumentError, match=r"cannot serve as an encoder: .*\.$") as caught:
            engine.load(GALAXIES, path)
        assert caught.value.reason == "MODEL_FILE_INVALID"
        assert engine.loaded() == []
    # The name is still free.
    assert engine.load(GALAXIES, right).dimension == 5


def test_file_that_cannot_be_read(engine: InferenceEngine, tmp_path: Path) -> None:
    for source in (tmp_path / "absent.onnx", tmp_path):
        with pytest.raises(NotFoundError) as caught:
            engine.load(GALAXIES, source)
        assert caught.value.reason == "MODEL_FILE_NOT_FOUND"
    with pytest.raises(InvalidArgumentError) as wrong:
        engine.load(GALAXIES, "nowhere://bucket/encoder.onnx")
    assert wrong.value.reason == "MODEL_FILE_URI_INVALID"
