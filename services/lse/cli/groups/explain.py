"""`lse explain`: a latent space in pixels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lse.cli.failures import group
from lse.cli.session import ExperimentName, Seed, Session, service_command
from lse.names import image_name

if TYPE_CHECKING:
    from lse.client.resources.explanations import Picture

__all__ = ["app"]

app = group("A latent space explained in pixels, as pictures.")

Out = Annotated[Path, typer.Option("--out", metavar="FILE.png", help="Picture to write.")]
Seen = Annotated[str, typer.Argument(metavar="EXPERIMENT", help="Experiment.")]
First = Annotated[str, typer.Argument(metavar="IMAGE", help="Image of the dataset: its name, its path or its row.")]
Second = Annotated[str, typer.Argument(metavar="OTHER", help="Another image of it.")]


@service_command(app, "traverse")
def traverse(
    session: Session,
    experiment: Seen,
    *,
    out: Out,
    image: Annotated[
        str | None,
        typer.Option("--image", metavar="NAME|PATH|ROW", help="Image to start from (default: the mean of all)."),
    ] = None,
    axes: Annotated[
        list[int] | None,
        typer.Option("--axis", min=0, help="Latent axis to traverse (repeatable; default: principal components)."),
    ] = None,
    components: Annotated[
        int | None, typer.Option("--components", min=1, help="Number of leading principal components (default: 5).")
    ] = None,
    steps: Annotated[int, typer.Option("--steps", min=2, max=33, help="Number of images along each axis.")] = 7,
    reach: Annotated[float, typer.Option("--reach", help="Distance to either side, in standard deviations.")] = 3.0,
) -> None:
    """Draw what changes along axes of latent space.

    The encoder of the experiment must keep a decoder.
    """
    found = session.client.explanations.traverse(
        experiment, image=image, axes=axes or (), components=components, steps=steps, reach=reach
    )
    _show(session, found, out, {"axes": {axis.axis: axis.variance_share for axis in found.axes}})


@service_command(app, "path")
def path(
    session: Session,
    experiment: Seen,
    first: First,
    second: Second,
    *,
    out: Out,
    steps: Annotated[
        int, typer.Option("--steps", min=2, max=33, help="Number of images drawn, both ends included.")
    ] = 9,
) -> None:
    """Draw what lies between two images, and the real images nearest to it.

    The encoder of the experiment must keep a decoder.
    """
    found = session.client.explanations.interpolate(experiment, first, second, steps=steps)
    _show(session, found, out, {"nearest": [image_name(name) for name in found.nearest]})


@service_command(app, "sample")
def sample(
    session: Session,
    encoder: Annotated[
        str, typer.Argument(metavar="ENCODER", help="Encoder, for instance one trained by the method vae.")
    ],
    *,
    out: Out,
    count: Annotated[int, typer.Option("--count", min=1, max=256, help="Number of images.")] = 16,
    seed: Seed = None,
) -> None:
    """Draw new images from random vectors."""
    _show(session, session.client.explanations.sample(encoder, count=count, seed=seed or 0), out, {})


@service_command(app, "similarity")
def similarity(session: Session, experiment: Seen, first: First, second: Second, *, out: Out) -> None:
    """Show which pixels, band by band, make two images close."""
    found = session.client.explanations.similarity(experiment, first, second)
    facts = {
        "cosine": found.cosine,
        "band_shares": found.band_shares,
        "baseline_cosines": found.baseline_cosines,
        "method": found.method,
    }
    _show(session, found, out, facts)


@service_command(app, "prototypes")
def prototypes(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the clustering.")],
    *,
    out: Out,
    experiment: ExperimentName,
    count: Annotated[int, typer.Option("-k", min=1, max=50, help="Number of prototypes per cluster.")] = 5,
    diverse: Annotated[
        bool, typer.Option("--diverse", help="Show each cluster's diversity: one representative per sub-cluster.")
    ] = False,
) -> None:
    """Show the most representative images of each cluster."""
    found = session.client.explanations.prototypes(experiment, name, count=count, diverse=diverse)
    clusters = {str(cluster): [image_name(image) for image in images] for cluster, images in found.clusters.items()}
    _show(session, found, out, {"clusters": clusters})


@service_command(app, "concepts")
def concepts(
    session: Session,
    experiment: Seen,
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE.csv|.parquet", help="Table to write: the strengths of all concepts by image."
        ),
    ] = None,
    count: Annotated[int, typer.Option("--count", min=2, max=512, help="Number of concepts to learn.")] = 256,
    images: Annotated[int, typer.Option("-k", min=1, max=50, help="Strongest images of each concept.")] = 4,
    shown: Annotated[int, typer.Option("--top", min=1, help="Concepts to show, the most used first.")] = 50,
    seed: Seed = None,
) -> None:
    """Learn the concepts of a latent space, and what of the catalogue each follows.

    A sparse autoencoder finds directions of which a few at a time make up every vector.
    """
    from lse.cli.concepts import show_concepts, write_strengths

    found = session.client.explanations.concepts(experiment, count=count, images=images, seed=seed or 0)
    if out is not None:
        write_strengths(session, experiment, found, out, count=count, seed=seed or 0)
    show_concepts(session, found, shown)


def _show(session: Session, found: Picture, out: Path, facts: dict[str, object]) -> None:
    file = found.save(out)
    session.say({"file": file, **facts}, f"{file} is written ({len(found.png):,} bytes).")
