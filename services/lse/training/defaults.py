"""Parameters that nobody set, chosen from the data set alone: its size, its shape and what its images look like.

A parameter whose default is None is chosen here, each by one rule and with one sentence of why.  The rules are few and
look at nothing but `DatasetFacts`, so that the same images always get the same parameters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lse.training.methods import parse_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from lse.training.images import ArrayLike
    from lse.training.methods.method import MethodParameters

__all__ = ["DatasetFacts", "choose_parameters", "explain_choice", "measure_facts"]

_SAMPLE = 512
_BLOCK = 32
# Side to which images are averaged down before their orientation is looked at.
_COARSE = 16
# Images of which more than this share is background are sources on the sky, or look like them.
_SPARSE = 0.6
# What images must have in common to have an upright.  A telescope leaves a little of that in images of the sky, by its
# beam, its spikes and the rim of its chip, which is less than what makes a picture.
_UPRIGHT, _UPRIGHT_SPARSE = 0.01, 0.3
_NULL_DRAWS = 19

# Times that a network looks at an image of 64 pixels in a training that takes some minutes of a CPU core.
_LOOKS = 100_000
_EPOCHS = (10, 200)


@dataclass(frozen=True)
class DatasetFacts:
    """What is known of a data set without any label.

    Attributes
    ----------
    images, channels, size
        Count of images, and their bands and side in pixels.
    background
        Mean share of the pixels of an image that are at its background level, give or take the noise.
    noisy
        Whether the background varies from pixel to pixel: not where it was clipped to one value.
    orientation
        What the differences between images and their copies turned by a quarter or a half have in common, as a share
        of their variance: 0 where no turn matters, or where chance alone may have brought it.
    handedness
        The same for copies with left and right exchanged.
    """

    images: int
    channels: int
    size: int
    background: float
    noisy: bool
    orientation: float
    handedness: float

    @property
    def sparse(self) -> bool:
        """Whether images are sources on a background, rather than scenes that fill the frame."""
        return self.background > _SPARSE

    @property
    def upright(self) -> bool:
        """Whether images have an upright, as photos do and the sky does not."""
        return self.orientation > (_UPRIGHT_SPARSE if self.sparse else _UPRIGHT)

    @property
    def handed(self) -> bool:
        """Whether left and right must not be exchanged."""
        return self.upright and self.handedness > _UPRIGHT


def measure_facts(images: ArrayLike, rows: NDArray[np.int64] | None = None) -> DatasetFacts:
    """Look at up to 512 images, spread evenly over the set.

    Parameters
    ----------
    images
        Shape (n, channels, size, size).
    rows
        Rows that count, all when None.
    """
    count, channels, size = int(images.shape[0]), int(images.shape[1]), int(images.shape[2])
    chosen = np.arange(count) if rows is None else np.unique(np.asarray(rows, dtype=np.int64))
    chosen = chosen[(chosen >= 0) & (chosen < count)]
    sample = _sample(images, chosen)
    background, noisy = _background(sample[:: max(1, len(sample) // 128)])
    orientation, handedness = _orientation(sample)
    return DatasetFacts(
        images=len(chosen),
        channels=channels,
        size=size,
        background=background,
        noisy=noisy,
        orientation=orientation,
        handedness=handedness,
    )


def choose_parameters(method: str, given: Mapping[str, object], facts: DatasetFacts) -> MethodParameters:
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
        As `lse.training.methods.parse_parameters`.
    """
    return _choose(method, given, facts)[0]


def explain_choice(method: str, given: Mapping[str, object], facts: DatasetFacts) -> tuple[str, ...]:
    """Sentences on what `choose_parameters` chooses and why, one for each rule that applied."""
    return _choose(method, given, facts)[1]


def _choose(method: str, given: Mapping[str, object], facts: DatasetFacts) -> tuple[MethodParameters, tuple[str, ...]]:
    parameters = parse_parameters(method, given)
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


def _epochs(parameters: MethodParameters, facts: DatasetFacts) -> tuple[Values, str]:
    # A pass over small images is cheap, so that there may be more of them.
    looks = _LOOKS * min(max((64 / facts.size) ** 2, 1.0), 4.0)
    # Cut out at random places, views show less of an image each: photos gain from twice as many.
    if facts.upright and "crop" in type(parameters).model_fields:
        looks *= 2
    epochs = min(max(math.ceil(looks / max(facts.images, 1)), _EPOCHS[0]), _EPOCHS[1])
    return {"epochs": epochs}, (
        f"{facts.images} images of {facts.size} pixels are seen {epochs * facts.images} times, "
        "after which little more is learnt for the time"
    )


def _batch_size(_parameters: MethodParameters, facts: DatasetFacts) -> tuple[Values, str]:
    batch = 2 ** int(math.log2(max(facts.images / 4, 1)))
    batch = min(max(batch, 64), 256)
    return {"batch_size": batch}, f"{facts.images} images then make several steps an epoch"


def _learning_rate(parameters: MethodParameters, _facts: DatasetFacts) -> tuple[Values, str]:
    highest = 2e-3 if parameters.backbone == "small-conv" else 1e-3 if parameters.backbone != "vit-tiny" else 5e-4
    rate = float(f"{highest * math.sqrt(min(max(parameters.batch_size, 128), 1024) / 256):.2g}")
    return {"learning_rate": rate}, f"suits {parameters.backbone} at a batch of {parameters.batch_size}"


def _network(parameters: MethodParameters, facts: DatasetFacts) -> tuple[Values, str]:
    many = facts.images >= 20_000
    values: Values = {"latent_dim": 128 if many else 64}
    if parameters.backbone == "small-conv":
        values["width"] = 32 if many else 16
    return values, f"{facts.images} images {'can' if many else 'cannot'} fill a larger network"


def _views(_parameters: MethodParameters, facts: DatasetFacts) -> tuple[Values, str]:
    if not facts.upright:
        return {
            "neck": "pooled",
            "rotation": 180.0,
            "flip": True,
            "zoom": 0.5,
            "shift": 0.05,
            "crop": 1.0,
            "brightness": 0.2,
            "colour": 0.0,
            "offset": 0.0,
            "saturation": 0.0,
            "hue": 0.0,
            "grey": 0.0,
            "noise": 0.5 if facts.noisy else 0.0,
            "blur": 0.0,
        }, (
            "the images have no upright, like those of the sky: views are turned and mirrored at will and pooled, "
            f"and the source stays in{'' if facts.noisy else '; the background has no noise to draw more from'}"
        )
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
        "the images have an upright, like photos: the vector knows where things are, views are cut out at random places"
        f"{', their colours change' if colours else ''} and they are not turned"
        f"{'; left and right differ, so that they are not mirrored' if facts.handed else ''}"
    )


# In this order: a later rule sees what an earlier one chose.
_RULES: tuple[Callable[[MethodParameters, DatasetFacts], tuple[Values, str]], ...] = (
    _epochs,
    _batch_size,
    _learning_rate,
    _network,
    _views,
)


def _shown(value: bool | float | str) -> str:
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value).lower()


def _sample(images: ArrayLike, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Up to 512 images in runs of 32, which cost as many reads as chunks."""
    if len(rows) <= _SAMPLE:
        blocks = np.array_split(rows, math.ceil(len(rows) / _BLOCK)) if len(rows) else []
    else:
        starts = np.linspace(0, len(rows) - _BLOCK, _SAMPLE // _BLOCK).astype(int)
        blocks = [rows[start : start + _BLOCK] for start in starts]
    read = [
        np.asarray(images[int(block[0]) : int(block[-1]) + 1], dtype=np.float32)[block - block[0]] for block in blocks
    ]
    sample: NDArray[np.float32] = np.concatenate(read) if len(rows) else np.empty((0, *images.shape[1:]), np.float32)
    finite: NDArray[np.float32] = sample[np.isfinite(sample).all(axis=(1, 2, 3))]
    return finite


def _background(sample: NDArray[np.float32]) -> tuple[float, bool]:
    """Share of pixels within the noise of the median of their band, and whether there is noise.

    Noise is what differs from pixel to pixel; a scene differs over more than that, an empty sky does not.
    """
    shares, noisy = [], []
    for band in sample.reshape(-1, *sample.shape[2:]):
        spread = float(band.max() - band.min())
        if spread > 0:
            steps = np.diff(band, axis=1)
            # 1.4826 times the median absolute deviation is the standard deviation of a normal distribution.
            noise = 1.4826 * float(np.median(np.abs(steps - np.median(steps)))) / math.sqrt(2)
            shares.append(float(np.mean(np.abs(band - np.median(band)) <= max(3 * noise, 0.02 * spread))))
            noisy.append(noise > 0)
    return (float(np.mean(shares)), float(np.mean(noisy)) > 0.5) if shares else (1.0, False)


def _orientation(sample: NDArray[np.float32]) -> tuple[float, float]:
    """What differences between images and their turned, and their mirrored, copies have in common.

    That is zero where the turn does not matter.  How far from zero chance alone brings it is found by turning every
    image at random first.
    """
    if len(sample) < 2 or sample.shape[2] != sample.shape[3]:
        return 0.0, 0.0
    coarse = _averaged(sample)
    scale = coarse.std(axis=(1, 2, 3), keepdims=True)
    coarse = (coarse - coarse.mean(axis=(1, 2, 3), keepdims=True)) / np.where(scale > 0, scale, 1)
    random = np.random.default_rng(0)

    def quarter(images: NDArray[np.float32], turns: int) -> NDArray[np.float32]:
        return np.rot90(images, turns, axes=(2, 3))

    def by_turns(images: NDArray[np.float32]) -> float:
        return max(_common_difference(images, quarter(images, turns)) for turns in (1, 2))

    def by_mirror(images: NDArray[np.float32]) -> float:
        return _common_difference(images, images[..., ::-1])

    def turned() -> NDArray[np.float32]:
        turns = random.integers(4, size=len(coarse))
        return np.concatenate([quarter(coarse[turns == each], each) for each in range(4)])

    def mirrored() -> NDArray[np.float32]:
        swap = random.integers(2, size=(len(coarse), 1, 1, 1)) == 1
        return np.asarray(np.where(swap, coarse[..., ::-1], coarse), dtype=np.float32)

    return (
        _beyond_chance(by_turns(coarse), [by_turns(turned()) for _ in range(_NULL_DRAWS)]),
        _beyond_chance(by_mirror(coarse), [by_mirror(mirrored()) for _ in range(_NULL_DRAWS)]),
    )


def _beyond_chance(value: float, draws: list[float]) -> float:
    """The value where it is five standard deviations above what random turns give, else 0."""
    return value if value > float(np.mean(draws) + 5 * np.std(draws)) else 0.0


def _common_difference(images: NDArray[np.float32], others: NDArray[np.float32]) -> float:
    """What differences between images and others have in common, as a share of their variance."""
    difference = images - others
    variance = float(difference.var(axis=0, ddof=1).mean())
    if variance <= 0:
        return 0.0
    return (float(np.square(difference.mean(axis=0)).mean()) - variance / len(images)) / variance


def _averaged(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Images averaged down to at most 16 pixels a side; pixels that do not fill a block are cut off."""
    step = max(1, images.shape[2] // _COARSE)
    side = images.shape[2] // step
    cut = images[:, :, : side * step, : side * step]
    averaged = cut.reshape(*cut.shape[:2], side, step, side, step).mean(axis=(3, 5))
    return np.asarray(averaged, dtype=np.float32)
