"""`lse experiment`: a dataset seen through an encoder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lse.cli.resource import MADE, Column, ResourceCommands, short
from lse.cli.session import Session
from lse.names import EXPERIMENT
from lse.values import counted

if TYPE_CHECKING:
    from lse.client.resources import Experiment

__all__ = ["app"]


def _version(experiment: Experiment) -> str:
    return f"{experiment.encoder_version} in {experiment.encoder_precision}" if experiment.encoder else ""


def _graph_recall(experiment: Experiment) -> str:
    if experiment.neighbour_recall is None:
        return ""
    if not experiment.neighbour_recall_images:
        return "exact"
    return f"{experiment.neighbour_recall:.3f}, measured on {counted(experiment.neighbour_recall_images, 'image')}"


commands = ResourceCommands(
    EXPERIMENT,
    "Datasets seen through encoders: one vector per image.",
    columns=(
        Column("state", listed=True),
        Column("dataset", short("dataset"), listed=True),
        Column("dataset version", "dataset_version"),
        Column("encoder", short("encoder"), listed=True),
        Column("encoder version", _version),
        Column("images", listed=True),
        Column("dimension", listed=True),
        Column("neighbours"),
        Column("neighbour recall", _graph_recall),
        Column("encoded by", "inference_engine"),
        Column("search recall", "search_recall"),
        *MADE,
    ),
    deletes="its projections, clusterings and predictions",
)
app = commands.app

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the experiment.")]
DatasetName = Annotated[str, typer.Option("--dataset", metavar="D", help="Dataset.")]


@commands.work("encode")
def encode(
    session: Session,
    name: Name,
    *,
    dataset: DatasetName,
    encoder: Annotated[str, typer.Option("--encoder", metavar="E", help="Encoder.")],
    encoder_version: Annotated[
        int | None, typer.Option("--encoder-version", min=1, help="Encoder version (default: the one in use).")
    ] = None,
    neighbours: Annotated[
        int | None,
        typer.Option(
            "--neighbours",
            min=2,
            help="Neighbours per image in the k-NN graph (default: chosen from the dataset size).",
        ),
    ] = None,
) -> Any:
    """Encode every prepared image of a dataset."""
    return session.client.experiments.encode(
        name, dataset=dataset, encoder=encoder, encoder_version=encoder_version, neighbours=neighbours
    )


@commands.command("near-duplicates")
def near_duplicates(
    session: Session,
    name: Name,
    *,
    min_similarity: Annotated[
        float | None,
        typer.Option(
            "--min-similarity",
            metavar="COSINE",
            help="Cosine similarity from which two images are nearly the same (default: chosen from the data).",
        ),
    ] = None,
) -> None:
    """List the images that are nearly the same in latent space, by groups."""
    table = session.client.experiments.near_duplicates(name, min_similarity=min_similarity)
    limit = float(table.schema.metadata[b"min_similarity"])
    typer.echo(f"Nearly the same are images with a cosine similarity of {limit:.5f} or more.", err=True)
    images = table.to_pylist()
    columns = ("group", "name", "other_name", "similarity")
    lines = ([*(image[key] for key in columns[:3]), f"{image['similarity']:.5f}"] for image in images)
    session.table(images, columns, lines)


@commands.command("outliers")
def outliers(
    session: Session,
    name: Name,
    *,
    by: Annotated[
        str,
        typer.Option(
            "--by", metavar="SCORE", help="Score to rank by: knn_distance, lof, isolation_forest or mahalanobis."
        ),
    ] = "knn_distance",
    k: Annotated[int, typer.Option("-k", min=1, max=100_000, help="Number of images wanted.")] = 20,
) -> None:
    """List the images that are most unusual in latent space."""
    table = session.client.experiments.outliers(name, by=by, k=k)
    images = table.to_pylist()
    session.table(images, table.column_names, [list(image.values()) for image in images])


@commands.work("import")
def import_vectors(
    session: Session,
    name: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Vectors (.parquet, .npy, .npz, .h5) on this machine.")],
    *,
    dataset: DatasetName,
) -> Any:
    """Make an experiment of ready vectors, joined by image name."""
    return session.client.experiments.import_vectors(name, file, dataset=dataset)


@commands.work("rebuild")
def rebuild(session: Session, name: Name) -> Any:
    """Fill the vector store anew from the stored vectors of an experiment.

    For a collection that was lost, or to lay it out by changed settings. Searches fail until it has ended.
    """
    return session.client.experiments.rebuild(name)


@commands.command("notebook")
def notebook(
    session: Session,
    name: Name,
    out: Annotated[Path, typer.Argument(metavar="OUT.ipynb", help="File to write.")],
) -> None:
    """Write a Jupyter notebook that repeats how an experiment was made."""
    from lse.client.notebook import notebook as written
    from lse.client.streams import write_file

    write_file(out, written(session.client, name))
    session.say({"notebook": str(out)}, f"{out} repeats how the experiment {name} was made.")
