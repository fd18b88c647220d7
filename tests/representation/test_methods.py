"""Methods, their parameters and the backbones."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lse.errors import InvalidArgumentError
from lse.parameters import parameters_schema
from lse.representation.encoders.backbones import BACKBONES, check_image_shape
from lse.representation.methods import TRAINING_METHODS, training_parameters

METHODS = TRAINING_METHODS.ids


def test_methods_are_listed_with_their_parameters() -> None:
    assert METHODS[0] == "simclr"
    assert {"byol", "vicreg", "dino", "mae", "autoencoder", "vae", "bigan"} <= set(METHODS)
    for method in TRAINING_METHODS:
        assert method.title
        assert method.summary
        parameters = parameters_schema(method.parameters)["properties"]
        assert {"latent_dim", "epochs", "batch_size", "learning_rate", "backbone"} <= parameters.keys()
        for name, parameter in parameters.items():
            assert parameter["description"], name
            for kind in parameter.get("anyOf", [parameter]):
                if kind.get("type") in ("integer", "number"):
                    assert kind.keys() & {"minimum", "exclusiveMinimum"}, name
                    assert kind.keys() & {"maximum", "exclusiveMaximum"}, name


@pytest.mark.parametrize("method", METHODS)
def test_defaults_given_as_text_are_the_defaults(method: str) -> None:
    parameters = next(parameters_schema(m.parameters) for m in TRAINING_METHODS if m.id == method)
    as_text = {name: str(parameter["default"]) for name, parameter in parameters["properties"].items()}
    assert training_parameters(method, as_text) == training_parameters(method, {})


def test_what_suits_the_data_set_is_left_to_it() -> None:
    for method in TRAINING_METHODS:
        parameters = parameters_schema(method.parameters)["properties"]
        automatic = {name for name, parameter in parameters.items() if parameter["default"] is None}
        assert {"epochs", "latent_dim", "rotation", "flip"} <= automatic
        # The game of two networks wants many small steps, however many images there are.
        assert ("batch_size" in automatic) == (method.id != "bigan")


@given(epochs=st.integers(1, 100_000), rate=st.floats(1e-6, 1.0))
@settings(max_examples=20)
def test_text_and_typed_values_mean_the_same(epochs: int, rate: float) -> None:
    typed = training_parameters("simclr", {"epochs": epochs, "learning_rate": rate, "flip": False})
    text = training_parameters("simclr", {"epochs": str(epochs), "learning_rate": repr(rate), "flip": "false"})
    assert typed == text


def test_an_unknown_parameter_is_refused_with_the_allowed_ones() -> None:
    with pytest.raises(InvalidArgumentError, match=r"tempreture.*temperature"):
        training_parameters("simclr", {"tempreture": "0.1"})


@pytest.mark.parametrize(
    ("key", "value"),
    [("epochs", "0"), ("epochs", "many"), ("temperature", "-1"), ("learning_rate", "nan"), ("backbone", "resnet-9000")],
)
def test_a_bad_value_is_refused_by_name(key: str, value: str) -> None:
    with pytest.raises(InvalidArgumentError, match=key):
        training_parameters("simclr", {key: value})


def test_an_unknown_method_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidArgumentError, match=r"simclr, .*autoencoder"):
        _ = TRAINING_METHODS["magic"]


def test_listing_methods_does_not_load_torch() -> None:
    code = (
        "import sys; from lse.representation.methods import TRAINING_METHODS; "
        "list(TRAINING_METHODS); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=120)


def test_backbones_are_listed_and_found() -> None:
    assert [BACKBONES[name] for name in BACKBONES.ids] == list(BACKBONES)
    with pytest.raises(InvalidArgumentError, match="small-conv"):
        _ = BACKBONES["huge-conv"]


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        ((10, 64, 64), "shape"),
        ((10, 1, 64, 32), "square"),
        ((10, 1, 8, 8), "16 to 1024"),
        ((10, 0, 64, 64), "shape"),
    ],
)
def test_images_that_a_backbone_cannot_take_are_refused(shape: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(InvalidArgumentError, match=sentence):
        check_image_shape("small-conv", shape)
