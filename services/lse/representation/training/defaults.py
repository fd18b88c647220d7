"""Parameters that nobody set, chosen from the data set alone: its size, its shape and what its images look like.

A parameter whose default is None is chosen here, each by one rule and with one sentence of why.  The rules are few and
look at nothing but `DatasetFacts`, so that the same images always get the same parameters.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lse.representation.encoders.backbones import BACKBONES
from lse.representation.methods import training_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lse.representation.methods import TrainingParameters
    from lse.representation.training.facts import DatasetFacts

__all__ = ["choose_parameters", "explain_choice"]

# Times that a network looks at an image of 64 pixels in a training that takes some minutes of a CPU core.
_LOOKS = 100_000
_EPOCHS = (10, 200)
# Largest change of the background that keeps faint sources above it, in standard deviations of the pixels.
_MOST_OFFSET = 0.5


def choose_parameters(method: str, given: Mapping[str, object], facts: DatasetFacts) -> TrainingParameters:
    """All parameters of a method: those given, and for the others what suits the data set.

    Parameters
    ----------
    method
        Name of the method.
    given
        Parameters by name, as text or typed; None and ``auto`` leave the choice to the data.
    facts
        Of the data set.

    Raises
    ------
    InvalidArgumentError
        As `lse.representation.methods.training_parameters`.
    """
    return _choose(method, given, facts)[0]


def explain_choice(method: str, given: Mapping[str, object], facts: DatasetFacts) -> tuple[str, ...]:
    """Sentences on what `choose_parameters` chooses and why, one for each rule that applied."""
    return _choose(method, given, facts)[1]


def _choose(
    method: str, given: Mapping[str, object], facts: DatasetFacts
) -> tuple[TrainingParameters, tuple[str, ...]]:
    parameters = training_parameters(method, given)
    notes = []
    for rule in _RULES:
        values, reason = rule(parameters, facts)
        chosen = {
            name: value
            for name, value in values.items()
            if name in type(parameters).model_fields and getattr(parameters, name) is None
        }
        if chosen:
            parameters = parameters.model_copy(update=chosen)
            shown = ", ".join(f"{name} {_shown(value)}" for name, value in chosen.items())
            notes.append(f"{shown}: {reason}.")
    return parameters, tuple(notes)


Values = dict[str, bool | int | float | str]


def _epochs(parameters: TrainingParameters, facts: DatasetFacts) -> tuple[Values, str]:
    # A pass over small images is cheap, so that there may be more of them.
    looks = _LOOKS * min(max((64 / facts.size) ** 2, 1.0), 4.0)
    # Views show less of an image each than the image itself: what learns from them gains from twice as many.
    if "crop" in type(parameters).model_fields:
        looks *= 2
    epochs = min(max(math.ceil(looks / max(facts.images, 1)), _EPOCHS[0]), _EPOCHS[1])
    return {"epochs": epochs}, (
        f"{facts.images} images of {facts.size} pixels are seen {epochs * facts.images} times, "
        "after which little more is learnt for the time"
    )


def _batch_size(_parameters: TrainingParameters, facts: DatasetFacts) -> tuple[Values, str]:
    batch = 2 ** int(math.log2(max(facts.images / 4, 1)))
    batch = min(max(batch, 64), 256)
    return {"batch_size": batch}, f"{facts.images} images then make several steps an epoch"


def _learning_rate(parameters: TrainingParameters, _facts: DatasetFacts) -> tuple[Values, str]:
    highest = BACKBONES[parameters.backbone].facts.learning_rate
    rate = float(f"{highest * math.sqrt(min(max(parameters.batch_size, 128), 1024) / 256):.2g}")
    return {"learning_rate": rate}, f"suits {parameters.backbone} at a batch of {parameters.batch_size}"


def _network(parameters: TrainingParameters, facts: DatasetFacts) -> tuple[Values, str]:
    many = facts.images >= 20_000
    values: Values = {"latent_dim": 128 if many else 64}
    backbone = BACKBONES[parameters.backbone].facts
    if backbone.width_of_few is not None:
        values["width"] = backbone.standard_width if many else backbone.width_of_few
    return values, f"{facts.images} images {'can' if many else 'cannot'} fill a larger network"


def _views(_parameters: TrainingParameters, facts: DatasetFacts) -> tuple[Values, str]:
    return _views_of_scenes(facts) if facts.upright else _views_of_the_sky(facts)


def _views_of_the_sky(facts: DatasetFacts) -> tuple[Values, str]:
    """Views differ by what an observation adds to a source, as far as it differs between the images.

    Those are the level of the background, the throughput of each band, the noise and the seeing.  What is left alike
    in all views of an image and differs between images is the easiest way to tell images apart, and a contrastive
    method then learns nothing else.  The size of a source is its own: within a survey the scale hardly differs.
    """
    # Levels drawn evenly to twice the standard deviation to either side cover nearly all that the images show.
    offset = round(min(2 * facts.levels, _MOST_OFFSET), 2)
    bands = facts.channels > 1
    return {
        "neck": "pooled",
        "rotation": 180.0,
        "flip": True,
        "zoom": 0.2,
        "shift": 0.05,
        "crop": 1.0,
        "brightness": 0.5,
        "colour": 0.5 if bands else 0.0,
        "offset": offset,
        "saturation": 0.0,
        "hue": 0.0,
        "grey": 0.0,
        "noise": 2.0 if facts.noisy else 0.0,
        "blur": round(min(facts.size / 64, 2.0), 2),
    }, (
        "the images have no upright, like those of the sky: views are turned and mirrored at will and pooled, the "
        "source stays in, and what an observation adds differs: "
        + ", ".join(
            [
                "brightness and the share of each band" if bands else "brightness",
                *(["the level of the background as far as it does between images"] if offset else []),
                *(["noise"] if facts.noisy else []),
                "and seeing",
            ]
        )
        + ("" if facts.noisy else "; the background has no noise to draw more from")
    )


def _views_of_scenes(facts: DatasetFacts) -> tuple[Values, str]:
    """Views are cut out at random places, and those of photos in colour have any light, as in Chen et al. 2020."""
    colours = facts.channels > 1
    return {
        "neck": "flat",
        "rotation": 0.0 if colours else 15.0,
        "flip": not facts.handed,
        "zoom": 0.0 if colours else 0.2,
        "shift": 0.0 if colours else 0.1,
        "crop": 0.5 if colours else 0.6,
        "brightness": 1.0 if colours else 0.2,
        "colour": 1.0 if colours else 0.0,
        "offset": 0.5 if colours else 0.0,
        "saturation": 0.8 if colours else 0.0,
        "hue": 0.3 if colours else 0.0,
        "grey": 0.3 if colours else 0.0,
        "noise": 0.0,
        "blur": 0.0,
    }, (
        (
            f"{facts.images} images are too few to tell whether they have an upright; they fill their frames, so that "
            "they are taken to have one"
            if facts.too_few
            else "the images have an upright, like photos"
        )
        + ": the vector knows where things are, views are cut out at random places"
        + (", their colours change" if colours else "")
        + " and they are not turned"
        + ("; left and right differ, so that they are not mirrored" if facts.handed else "")
    )


# In this order: a later rule sees what an earlier one chose.
_RULES: tuple[Callable[[TrainingParameters, DatasetFacts], tuple[Values, str]], ...] = (
    _epochs,
    _batch_size,
    _learning_rate,
    _network,
    _views,
)


def _shown(value: bool | float | str) -> str:
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value).lower()
