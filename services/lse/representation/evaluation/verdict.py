"""The verdict on an encoder: what its figures mean, and what to try next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lse.representation.evaluation.nuisances import LEVELS, Nuisance, is_strong

if TYPE_CHECKING:
    from lse.representation.evaluation.comparison import Comparison

__all__ = ["Evidence", "Judged", "Verdict", "conclude"]

_PEERS = {"pca": "pixel PCA", "untrained": "an untrained network"}
# Views that make a network indifferent to a nuisance, and how strong they are to be at least.
_REMEDIES = {
    "background_level": {"offset": 0.2, "brightness": 0.5},
    "noise": {"noise": 2.0},
    "edge_flux": {"zoom": 0.5, "shift": 0.1},
    "edge_fill": {"zoom": 0.5, "shift": 0.1},
    "chip_position": {"brightness": 0.5, "offset": 0.2},
    "chip": {"brightness": 0.5, "offset": 0.2},
    "sky_position": {"brightness": 0.5, "offset": 0.2},
}
# What a method takes at most of them.
_MOST = {"zoom": 3.0, "shift": 0.5}
_LONG_TRAINING = 150


@dataclass(frozen=True)
class Verdict:
    """What the figures mean.

    Attributes
    ----------
    text
        The conclusion in a sentence or two; what to try next, with the command, where it is not good.
    sound
        Whether the space is better than pixel PCA and than an untrained network, has not collapsed, and follows no
        nuisance.
    """

    text: str
    sound: bool


@dataclass(frozen=True)
class Judged:
    """What the verdict is on.

    Attributes
    ----------
    encoder, dataset
        Their ids.
    label_column
        Column of the classes; empty without.
    images
        Images that were scored.
    method, settings
        How the encoder was trained; an empty method where it was not trained here.
    """

    encoder: str
    dataset: str
    label_column: str
    images: int
    method: str
    settings: Mapping[str, object]


@dataclass(frozen=True)
class Evidence:
    """What was found.

    Attributes
    ----------
    comparisons
        With representations that nobody had to learn, against classes or by views.
    nuisances
        Properties that should not matter.
    nuisances_together
        Share of the variance that all of them explain; None where it is not known.
    collapsed
        Whether nearly all vectors are the same.
    """

    comparisons: Sequence[Comparison]
    nuisances: Sequence[Nuisance]
    nuisances_together: float | None
    collapsed: bool


def conclude(judged: Judged, evidence: Evidence) -> Verdict:
    """Draw the conclusion.

    Against classes the neighbours decide, since it is these that a map, a search and a clustering show; without
    classes, views of images.
    """
    measured = {each.measure for each in evidence.comparisons}
    decisive = "knn" if "knn" in measured else "views"
    deciding = [each for each in evidence.comparisons if each.measure == decisive]
    strong = [each for each in evidence.nuisances if is_strong(asdict(each))]
    together = evidence.nuisances_together or 0.0
    clean = not strong and together < LEVELS.together
    ahead = all(each.standing == "better" for each in deciding)
    sound = ahead and clean and not evidence.collapsed
    sentences = []
    if evidence.collapsed:
        sentences.append(
            "The space has collapsed: nearly all images have the same vector, so that its neighbours and clusters mean "
            "nothing."
        )
    if deciding:
        sentences.append(_standing(judged, deciding, decisive))
        probes = [each for each in evidence.comparisons if each.measure == "linear_probe"]
        if decisive == "knn" and probes:
            sentences.append(f"By a linear probe it is {_listed(probes)}.")
    if strong:
        worst = max(strong, key=_strength)
        sentences.append(
            f"It follows the {worst.key.replace('_', ' ')} of the images, which should not matter: that explains "
            f"{worst.variance_explained:.0%} of the variance of the vectors, and they tell "
            f"{max(worst.predictability, worst.largest_predictability):.0%} of it."
        )
    elif not clean:
        sentences.append(f"Properties that should not matter explain {together:.0%} of the variance of the vectors.")
    if not sound:
        sentences.append(f"Try next: {_advice(judged, strong, collapsed=evidence.collapsed)}.")
    return Verdict(" ".join(sentences), sound)


def _standing(judged: Judged, deciding: Sequence[Comparison], measure: str) -> str:
    where = f"on {judged.images:,} images of '{judged.dataset}'"
    if measure == "knn":
        return (
            f"Its 20 nearest neighbours separate the classes of '{judged.label_column}' {_listed(deciding)}, {where}."
        )
    return (
        "It distinguishes two views of an image from other images of equal background "
        f"{_listed(deciding)}, {where}, without classes."
    )


def _listed(comparisons: Sequence[Comparison]) -> str:
    """How an encoder compares with others, such as ``better than pixel PCA by 3.1 points (1.0 to 5.2)``."""
    return " and ".join(_compared(comparisons))


def _compared(comparisons: Sequence[Comparison]) -> Iterator[str]:
    for each in comparisons:
        difference, low, high = (100 * value for value in (each.difference, each.low, each.high))
        if each.standing == "worse":
            difference, low, high = -difference, -high, -low
        by = f"{difference:+.1f} points, {low:+.1f} to {high:+.1f}"
        if each.standing != "not better":
            by = f"by {difference:.1f} points, {low:.1f} to {high:.1f}"
        yield f"{each.standing} than {_PEERS[each.peer]} ({by})"


def _strength(nuisance: Nuisance) -> float:
    """How far a nuisance is above the levels from which it is warned of."""
    predicted = max(nuisance.predictability, nuisance.largest_predictability)
    return max(nuisance.variance_explained / LEVELS.variance_explained, predicted / LEVELS.predictability)


def _advice(judged: Judged, strong: Sequence[Nuisance], *, collapsed: bool) -> str:
    """A command that is likely to do better, and why."""
    new = f"lse encoder train {judged.encoder}-2 --dataset {judged.dataset} --method"
    with_views = "noise" in judged.settings and "offset" in judged.settings
    if collapsed:
        other = "vicreg" if judged.method == "simclr" else "simclr"
        return f"`{new} {other}`, which prevents a collapse by its loss"
    changes: dict[str, Any] = {}
    for nuisance in sorted(strong, key=_strength):
        changes |= _remedy(nuisance.key, judged.settings if with_views else {})
    settings = "".join(f" --set {key}={value:g}" for key, value in changes.items())
    if not judged.method or not with_views:
        reason = "which makes the vectors indifferent to that" if settings else "which learns what two views share"
        return f"`{new} simclr{settings}`, {reason}"
    if settings:
        return f"`lse encoder retrain {judged.encoder}{settings}`, so that views differ in what it follows"
    epochs = float(str(judged.settings.get("epochs") or 0))
    if 0 < epochs < _LONG_TRAINING:
        longer = min(3 * epochs, _LONG_TRAINING)
        return f"`lse encoder retrain {judged.encoder} --set epochs={longer:.0f}`, a longer training"
    pretrained = f"lse encoder pretrained {judged.encoder}-2 package:efficientnet_lite0 --dataset {judged.dataset}"
    return f"`{pretrained}`, a network that has learnt from many other images"


def _remedy(key: str, settings: Mapping[str, object]) -> dict[str, float]:
    """Views stronger than those of the settings that hide a nuisance."""
    return {
        name: min(max(least, 2 * float(str(settings.get(name) or 0))), _MOST.get(name, 10.0))
        for name, least in _REMEDIES.get(key, {}).items()
    }
