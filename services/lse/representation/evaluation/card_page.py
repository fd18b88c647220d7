"""The card of an encoder as one self-contained HTML page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from lse.representation.evaluation.nuisances import CONTEXT, is_strong
from lse.values import value_text

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["card_page"]

_CURVE_WIDTH, _CURVE_HEIGHT = 640, 200
_PEERS = {
    "encoder": "this encoder",
    "untrained": "untrained network",
    "pca": "pixel PCA",
    "pixels": "raw pixels",
    "chance": "chance",
}
_FIGURES = {
    "effective_rank": ("Effective rank", "Directions that the vectors really use."),
    "spread": ("Spread", "Distance from the mean vector, relative to the length of the vectors."),
    "alignment": ("Alignment", "Squared distance of two views of an image on the unit sphere: 0 when they agree."),
    "uniformity": ("Uniformity", "0 when all vectors point one way, about −4 when they are spread evenly."),
    "cosine_between_images": ("Cosine between images", "Mean similarity of different images."),
    "views_nearer": ("Own view nearer", "Than views of other images of equal background; 0.5 by chance."),
    "views_nearer_untrained": ("The same, untrained", "Of the same network with random weights."),
    "views_nearer_pca": ("The same of PCA", "Of principal components of the pixels."),
    "neighbours_stable": ("Stable neighbours", "Share of the ten nearest that stay when all images are another view."),
    "reconstruction_error": ("Reconstruction error", "Share of the variance of the pixels that the decoder misses."),
    "reconstruction_error_held_out": ("The same, held out", "Over images that it did not learn from."),
    "reconstruction_error_pca": ("The same of PCA", "Of as many principal components, fitted to these images."),
    "nuisances_variance_explained": ("All nuisances", "Share of the variance that all of them explain together."),
}


def card_page(card: Mapping[str, Any]) -> str:
    """Page of a card (see `lse.representation.evaluation.card`); it loads nothing from anywhere.

    Parameters
    ----------
    card
        The card as JSON types.
    """
    return _template().render(
        card=card,
        encoder=card["encoder"],
        data=card["data"],
        training=card["training"],
        curve=_curve(card["training"]["loss_curve"]),
        evaluations=[_shown(evaluation) for evaluation in reversed(card["evaluations"])],
    )


@lru_cache(maxsize=1)
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("lse.representation.evaluation", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": partial(value_text, grouped=True),
        "percent": _percent,
        "words": _words,
        "last": _last,
    }
    return environment.get_template("card.html.jinja")


def _shown(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """What the page tells of an evaluation, ready to be laid out."""
    figures = evaluation["figures"]
    measures = []
    for title, own, beside in (
        ("20 nearest neighbours", evaluation["knn_balanced_accuracy"], evaluation["baselines"]),
        ("Linear probe", evaluation["linear_probe_balanced_accuracy"], evaluation["linear_probe_baselines"]),
    ):
        measures.append((title, _bars({"encoder": own, **beside})))
    for title, measure in (("20 nearest neighbours", "knn"), ("Linear probe", "linear_probe")):
        peers = {key: figures.get(f"split_{measure}_{key}") for key in _PEERS}
        own = figures.get(f"split_{measure}_balanced_accuracy")
        measures.append((f"{title}, train → test", _bars({**peers, "encoder": own})))
    return {
        **evaluation,
        "measures": [(title, bars) for title, bars in measures if bars],
        "space": [(title, help_text, figures[key]) for key, (title, help_text) in _FIGURES.items() if key in figures],
        "audit": [
            {
                **each,
                "context": each["key"] in CONTEXT,
                "strong": is_strong(each),
            }
            for each in evaluation["nuisances"]
        ],
    }


def _bars(scores: Mapping[str, float | None]) -> list[tuple[str, float]]:
    """Name and height of each bar; none where the encoder itself was not scored."""
    if scores["encoder"] is None:
        return []
    return [(title, float(score)) for key, title in _PEERS.items() if (score := scores.get(key)) is not None]


@dataclass(frozen=True)
class _Curve:
    """A line in a box of `width` by `height`, with the values at its ends."""

    width: int
    height: int
    points: str
    top: float
    bottom: float
    epochs: int
    logarithmic: bool


def _curve(losses: Sequence[float]) -> _Curve | None:
    known = [(epoch, loss) for epoch, loss in enumerate(losses) if loss is not None and math.isfinite(loss)]
    if len(known) < 2:
        return None
    values = [loss for _, loss in known]
    low, high = min(values), max(values)
    logarithmic = low > 0 and high / low > 20
    scale = math.log if logarithmic else float
    reach = scale(high) - scale(low) or 1.0
    points = " ".join(
        f"{_CURVE_WIDTH * epoch / (len(losses) - 1):.1f},{_CURVE_HEIGHT * (scale(high) - scale(loss)) / reach:.1f}"
        for epoch, loss in known
    )
    return _Curve(_CURVE_WIDTH, _CURVE_HEIGHT, points, high, low, len(losses), logarithmic)


def _percent(value: float) -> str:
    return f"{value:.1%}"


def _words(key: str) -> str:
    return key.replace("_", " ")


def _last(name: str) -> str:
    return name.rsplit("/", 1)[-1]
