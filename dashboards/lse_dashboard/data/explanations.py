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
        f"Each row goes from {image} along one principal component of the space, to both sides; the decoder draws "
        f"what would be there. Together these components hold {share:.0%} of the variance of the space.",
    )


def likeness(client: Client, experiment: str, first: str, second: str) -> Explained:
    """Show which pixels make two images alike."""
    found = client.explanations.similarity(experiment, first, second)
    return Explained(
        found.png,
        f"Which pixels of {first} and of {second} make the cosine similarity of their vectors what it is, "
        f"{found.cosine:.3f}: warm ones bring the two images together, cool ones set them apart.",
    )


def path(client: Client, experiment: str, first: str, second: str) -> Explained:
    """Draw what lies between two images."""
    found = client.explanations.interpolate(experiment, first, second)
    between = list(dict.fromkeys(name.rsplit("/", 1)[-1] for name in found.nearest))
    return Explained(
        found.png,
        f"From {first} to {second} in latent space: what the decoder draws on the way, and the real images nearest "
        f"to it ({', '.join(between)}).",
    )


def typical(client: Client, experiment: str, clustering: str, cluster: int | None) -> Explained:
    """Show the images that stand best for each cluster, and name those of one."""
    found = client.explanations.prototypes(experiment, clustering)
    caption = f"The images nearest to the middle of each cluster of {clustering}."
    if cluster in found.clusters:
        names = ", ".join(name.rsplit("/", 1)[-1] for name in found.clusters[cluster])
        caption += f" Those of cluster {cluster}, in which this image lies: {names}."
    return Explained(found.png, caption)
