"""Explanations of a latent space in pixels, with the words that go with each picture."""

from __future__ import annotations

from dataclasses import dataclass, field

from lse.client import Client
from lse.names import image_name
from lse_dashboard import wording

__all__ = ["Explanation", "changes", "likeness", "path", "typical"]


@dataclass(frozen=True)
class Explanation:
    """An answer that is a picture.

    Attributes
    ----------
    png
        The picture.
    caption
        How to read it.
    """

    png: bytes = field(repr=False)
    caption: str


def changes(client: Client, experiment: str, image: str) -> Explanation:
    """Draw what changes along the principal components of the space, from an image."""
    found = client.explanations.traverse(experiment, image=image)
    share = sum(axis.variance_share for axis in found.axes)
    return Explanation(found.png, wording.Explanation.CHANGES_CAPTION.format(image=image, share=share))


def likeness(client: Client, experiment: str, first: str, second: str) -> Explanation:
    """Show which pixels make two images alike."""
    found = client.explanations.similarity(experiment, first, second)
    caption = wording.Explanation.LIKENESS_CAPTION.format(first=first, second=second, cosine=found.cosine)
    return Explanation(found.png, caption)


def path(client: Client, experiment: str, first: str, second: str) -> Explanation:
    """Draw what lies between two images."""
    found = client.explanations.interpolate(experiment, first, second)
    between = ", ".join(dict.fromkeys(map(image_name, found.nearest)))
    return Explanation(found.png, wording.Explanation.PATH_CAPTION.format(first=first, second=second, between=between))


def typical(client: Client, experiment: str, clustering: str, cluster: int | None) -> Explanation:
    """Show the images most typical of each cluster, and name those of one."""
    found = client.explanations.prototypes(experiment, clustering)
    caption = wording.Explanation.TYPICAL_CAPTION.format(clustering=clustering)
    if cluster in found.clusters:
        names = ", ".join(map(image_name, found.clusters[cluster]))
        caption += wording.Explanation.TYPICAL_OF_ONE.format(cluster=cluster, names=names)
    return Explanation(found.png, caption)
