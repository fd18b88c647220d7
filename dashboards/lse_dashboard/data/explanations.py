"""Explanations of a latent space in pixels, with the words that go with each picture."""

from __future__ import annotations

from dataclasses import dataclass, field

from lse.client import Client

__all__ = ["Explained", "changes", "likeness", "path", "typical"]


@dataclass(frozen=True)
class Explained:
    """An answer that is a picture.

    Attributes
    ----------
    png
        The picture.
    caption
        Sentences that tell how to read it.
    """

    png: bytes = field(repr=False)
    caption: str


def changes(client: Client, experiment: str, image: str) -> Explained:
    """Draw what changes along the principal components of the space, from an image."""
    found = client.explanations.traverse(experiment, image=image)
    share = sum(axis.variance_share for axis in found.axes)
    return Explained(
        found.png,
        f"Each row starts in the middle from {image}, as the decoder draws it, and changes its vector along one "
        f"principal component of the latent space: what changes along a row is what that component tells. Together "
        f"these components hold {share:.0%} of the variance of the space.",
    )


def likeness(client: Client, experiment: str, first: str, second: str) -> Explained:
    """Show which pixels make two images alike."""
    found = client.explanations.similarity(experiment, first, second)
    return Explained(
        found.png,
        f"The vectors of {first} and {second} have a cosine similarity of {found.cosine:.3f}, where 1 is the same "
        f"direction and 0 none in common. Orange pixels make them more alike, blue ones less, grey ones do not matter; "
        f"above each band is its share.",
    )


def path(client: Client, experiment: str, first: str, second: str) -> Explained:
    """Draw what lies between two images."""
    found = client.explanations.interpolate(experiment, first, second)
    between = list(dict.fromkeys(name.rsplit("/", 1)[-1] for name in found.nearest))
    return Explained(
        found.png,
        f"The straight line from {first} to {second} in latent space: above what the decoder draws at each step, "
        f"below the real image nearest to it ({', '.join(between)}). Where it changes is where the encoder sees a "
        f"border between the two.",
    )


def typical(client: Client, experiment: str, clustering: str, cluster: int | None) -> Explained:
    """Show the images that stand best for each cluster, and name those of one."""
    found = client.explanations.prototypes(experiment, clustering)
    caption = f"The images nearest to the middle of each cluster of {clustering} tell what it has in common."
    if cluster in found.clusters:
        names = ", ".join(name.rsplit("/", 1)[-1] for name in found.clusters[cluster])
        caption += f" Those of cluster {cluster}, in which this image lies: {names}."
    return Explained(found.png, caption)
