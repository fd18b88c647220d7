"""`lse similar`: images that look alike."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from lse.cli.session import Session, choice, service_command
from lse.errors import InvalidArgumentError

if TYPE_CHECKING:
    from lse.client.search import Scope

__all__ = ["register"]

_SCOPES = ("all", "same-cluster", "other-clusters")


def similar(
    session: Session,
    experiment: Annotated[str, typer.Argument(metavar="EXPERIMENT", help="Where to search.")],
    *,
    image: Annotated[str | None, typer.Option("--image", metavar="NAME|PATH|ROW", help="Image of the dataset.")] = None,
    file: Annotated[Path | None, typer.Option("--file", metavar="PATH", help="Image file on this machine.")] = None,
    selection: Annotated[
        str | None, typer.Option("--selection", metavar="S", help="Selection, by the mean of its vectors.")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="Number of images wanted.")] = 10,
    scope: Annotated[str, typer.Option("--scope", metavar="|".join(_SCOPES), help="Where to search.")] = "all",
    clustering: Annotated[
        str | None, typer.Option("--clustering", metavar="C", help="Clustering used by --scope.")
    ] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Compare with every vector instead of the index.")] = False,
) -> None:
    """Find the most similar images.

    Similar to an image of the dataset, to a file or to a selection; the query image is left out.
    """
    if sum(query is not None for query in (image, file, selection)) != 1:
        raise InvalidArgumentError("Give exactly one of --image, --file and --selection.", reason="QUERY_INVALID")
    choice(scope, _SCOPES, "--scope")
    if scope != "all" and clustering is None:
        raise InvalidArgumentError(f"--scope {scope} needs --clustering.", reason="CLUSTERING_MISSING")
    matches = session.client.search.similar(
        experiment,
        image=image,
        file=file,
        selection=selection,
        k=k,
        scope=cast("Scope", scope),
        clustering=clustering,
        exact=exact,
    )
    session.table(
        matches,
        ("image", "row", "similarity", "cluster"),
        (
            (
                match.image_id,
                str(match.row),
                f"{match.similarity:.4f}",
                "" if match.cluster is None else ("noise" if match.cluster < 0 else str(match.cluster)),
            )
            for match in matches
        ),
    )


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    service_command(app, "similar")(similar)
