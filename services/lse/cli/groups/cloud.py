"""`lse cloud`: maps that are published, to be looked at without services."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from lse.cli.failures import group
from lse.cli.session import ExperimentName, Session, choice, service_command
from lse.errors import FailedPreconditionError

__all__ = ["app"]

app = group("Maps that are published, to be looked at without services.")

_Url = Annotated[
    str, typer.Argument(metavar="URL", help="Folder, or address such as s3://bucket/map or https://host/map.")
]
_THEMES = ("light", "dark")


@service_command(app, "publish")
def publish(
    session: Session,
    url: _Url,
    *,
    experiment: ExperimentName,
    projection: Annotated[str, typer.Option("--projection", metavar="P", help="Projection to publish.")],
    colour_by: Annotated[
        list[str] | None,
        typer.Option(
            "--colour-by",
            metavar="KIND:NAME",
            help="What colours the points: clustering:C, column:NAME, label:SCHEME, prediction:P, probability:P or "
            "outlier:SCORE (repeatable).",
        ),
    ] = None,
    title: Annotated[str, typer.Option("--title", help="What the map shows (default: experiment and map).")] = "",
    theme: Annotated[str, typer.Option("--theme", metavar="|".join(_THEMES), help="Colours of the page.")] = "light",
) -> None:
    """Write a map to a folder or bucket for browsers.

    They read it by parts, whatever its size, from any web server that answers ranges of bytes.  Names,
    coordinates and categories become readable to everyone who can read the address; images do not.
    """
    choice(theme, _THEMES, "--theme")
    try:
        from lse_dashboard.data.library import Library
        from lse_dashboard.data.publication import publication
        from lse_dashboard.plots.published_map import publish_map
        from lse_dashboard.theme import DARK, LIGHT
    except ModuleNotFoundError as missing:
        raise _missing(missing) from None
    client = session.client
    made = publication(Library(lambda: client), client.project, experiment, projection, colour_by or ())
    publish_map(
        url,
        made.cloud,
        made.names,
        made.colourings,
        theme=LIGHT if theme == "light" else DARK,
        title=title or f"{experiment} · {projection}",
        provenance=made.provenance,
    )
    count = len(made.cloud)
    session.say(
        {"url": url, "points": count, "colours": list(made.colourings)},
        f"{count:,} points are published at {url}: any web server that answers ranges shows index.html, "
        f"and `lse cloud serve {url}` does here.",
    )


@app.command("serve")
def serve(
    url: _Url,
    *,
    host: Annotated[str, typer.Option("--host", help="Address to listen at; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="Port (0: any that is free).")] = 5007,
) -> None:
    """Show a published map in a browser, until Ctrl-C.

    Only what is looked at is read, and no service is needed.
    """
    import asyncio

    try:
        from lse.cli.map_server import serve_cloud
        from lse.pointcloud.published import PublishedCloud
    except ModuleNotFoundError as missing:
        raise _missing(missing) from None
    cloud = PublishedCloud.open(url)

    def ready(bound: int) -> None:
        shown = "localhost" if host in {"0.0.0.0", "127.0.0.1", "::"} else host  # noqa: S104  # compared
        typer.echo(f"{len(cloud):,} points of {cloud.header['title']!r} are at http://{shown}:{bound}; Ctrl-C ends.")

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve_cloud(cloud, host=host, port=port, ready=ready))


def _missing(error: ModuleNotFoundError) -> FailedPreconditionError:
    return FailedPreconditionError(
        f"Published maps need the package {error.name}, which is not installed: "
        "install latent-space-explorer with its extra `explorer`.",
        reason="PACKAGE_MISSING",
    )
