"""`lse similar`: images that look alike."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from lse.cli.files import read_file
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
    file: Annotated[
        Path | None, typer.Option("--file", metavar="PATH", help="Image file on this machine; - is the standard input.")
    ] = None,
    selection: Annotated[
        str | None, typer.Option("--selection", metavar="S", help="Selection, by the mean of its vectors.")
    ] = None,
    clustering: Annotated[
        str | None, typer.Option("--clustering", metavar="C", help="Clustering used by --scope and --cluster.")
    ] = None,
    cluster: Annotated[
        int | None, typer.Option("--cluster", metavar="N", help="Cluster of --clustering, by the mean of its vectors.")
    ] = None,
    like: Annotated[
        list[str] | None,
        typer.Option("--like", metavar="NAME|PATH|ROW", help="Image to resemble; may be given several times."),
    ] = None,
    like_selection: Annotated[
        str | None, typer.Option("--like-selection", metavar="S", help="Selection whose images are to be resembled.")
    ] = None,
    unlike: Annotated[
        list[str] | None,
        typer.Option("--unlike", metavar="NAME|PATH|ROW", help="Image not to resemble; may be given several times."),
    ] = None,
    unlike_selection: Annotated[
        str | None,
        typer.Option("--unlike-selection", metavar="S", help="Selection whose images are not to be resembled."),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, max=1_000_000, help="Number of images wanted.")] = 10,
    scope: Annotated[str, typer.Option("--scope", metavar="|".join(_SCOPES), help="Where to search.")] = "all",
    filter: Annotated[  # noqa: A002  # the word of the API
        str,
        typer.Option("--filter", metavar="EXPRESSION", help="Only those that fulfil it, such as 'redshift > 0.5'."),
    ] = "",
    exact: Annotated[bool, typer.Option("--exact", help="Compare with every vector instead of the index.")] = False,
) -> None:
    """Find the most similar images.

    Similar to an image of the dataset, to a file, to a selection, to a cluster, or to examples and unlike others; the
    query image and the examples are left out.
    """
    given = {"--image": image, "--file": file, "--selection": selection, "--cluster": cluster}
    examples = {"--like": like or None, "--like-selection": like_selection}
    unlikes = {"--unlike": unlike or None, "--unlike-selection": unlike_selection}
    _check_given({**given, **examples}, unlikes)
    choice(scope, _SCOPES, "--scope")
    for needs, asked in ((f"--scope {scope}", scope != "all"), ("--cluster", cluster is not None)):
        if asked and clustering is None:
            raise InvalidArgumentError(f"{needs} needs --clustering.", reason="CLUSTERING_MISSING")
    with contextlib.ExitStack() as stack:
        matches = session.client.search.similar(
            experiment,
            image=image,
            file=None if file is None else stack.enter_context(read_file(file)),
            selection=selection,
            cluster=None if cluster is None or clustering is None else (clustering, cluster),
            like=like or like_selection,
            unlike=unlike or unlike_selection,
            k=k,
            scope=cast("Scope", scope),
            clustering=clustering,
            filter=filter,
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


def _check_given(queries: Mapping[str, object], unlike: Mapping[str, object]) -> None:
    """Check that there is one query, and something to resemble where there is something not to resemble."""
    if sum(query is not None for query in queries.values()) != 1:
        *others, last = queries
        raise InvalidArgumentError(f"Give exactly one of {', '.join(others)} and {last}.", reason="QUERY_INVALID")
    unwanted = [name for name, value in unlike.items() if value is not None]
    if len(unwanted) > 1:
        raise InvalidArgumentError(f"Give one of {' and '.join(unlike)}.", reason="QUERY_INVALID")
    if unwanted and queries["--like"] is None and queries["--like-selection"] is None:
        raise InvalidArgumentError(
            f"{unwanted[0]} goes with --like or --like-selection: give images to resemble.", reason="QUERY_INVALID"
        )


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    service_command(app, "similar")(similar)
