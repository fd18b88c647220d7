"""`lse cloud`: maps that are published, to be looked at without services."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from lse.cli.failures import group
from lse.cli.session import Session, choice, progress_display, service_command
from lse.errors import FailedPreconditionError, InvalidArgumentError
from lse.progress import Monitor

__all__ = ["app"]

app = group("Maps that are published, to be looked at without services.")

_Url = Annotated[
    str, typer.Argument(metavar="URL", help="Folder, or address such as s3://bucket/map or https://host/map.")
]
_THEMES = ("light", "dark")


def _column(option: str, what: str) -> Any:
    return typer.Option(option, metavar="COLUMN", help=f"{what} (of a file).")


@service_command(app, "publish")
def publish(
    session: Session,
    where: Annotated[
        list[str],
        typer.Argument(
            metavar="[FILE] URL",
            help="File with a map that is not in the services (.parquet, .csv, .npy), and folder or address such as "
            "s3://bucket/map to publish at.",
        ),
    ],
    *,
    experiment: Annotated[str | None, typer.Option("--experiment", metavar="X", help="Experiment.")] = None,
    projection: Annotated[
        str | None, typer.Option("--projection", metavar="P", help="Projection of it to publish.")
    ] = None,
    colour_by: Annotated[
        list[str] | None,
        typer.Option(
            "--colour-by",
            metavar="KIND:NAME",
            help="What colours the points: clustering:C, column:NAME, label:SCHEME, prediction:P, probability:P or "
            "outlier:SCORE (repeatable).",
        ),
    ] = None,
    x: Annotated[str | None, _column("--x", "First coordinate (default: x)")] = None,
    y: Annotated[str | None, _column("--y", "Second coordinate (default: y)")] = None,
    z: Annotated[str | None, _column("--z", "Third coordinate, of a solid map")] = None,
    category: Annotated[list[str] | None, _column("--category", "Classes that colour the points; repeatable")] = None,
    names: Annotated[str | None, _column("--names", "Name of each point")] = None,
    title: Annotated[
        str, typer.Option("--title", help="What the map shows (default: experiment and map, or the file).")
    ] = "",
    theme: Annotated[str, typer.Option("--theme", metavar="|".join(_THEMES), help="Colours of the page.")] = "light",
) -> None:
    """Write a map of the services, or of a file, to a folder or bucket for browsers.

    They read it by parts, whatever its size, from any web server that answers ranges of bytes.  Names,
    coordinates and categories become readable to everyone who can read the address; images do not.
    A file of any size is read by blocks, and no services are needed for it.
    """
    choice(theme, _THEMES, "--theme")
    *files, url = where
    of_file = {"--x": x, "--y": y, "--z": z, "--category": category, "--names": names}
    of_services = {"--experiment": experiment, "--projection": projection, "--colour-by": colour_by}
    _check_usage(files, of_file if not files else of_services)
    if files:
        axes = [x or "x", y or "y", *([z] if z else [])] if x or y or z else []
        made = _publish_file(
            Path(files[0]), url, axes, category or [], names or "", title=title or Path(files[0]).stem, theme=theme
        )
    elif experiment and projection:
        made = _publish_projection(session, url, experiment, projection, colour_by or [], title=title, theme=theme)
    else:
        raise InvalidArgumentError(
            "Name what is published: --experiment and --projection, or a file before the address.",
            reason="COMMAND_INVALID",
        )
    left_out = f" ({made['left_out']:,} without finite coordinates are left out)" if made.get("left_out") else ""
    session.say(
        {"url": url, **made},
        f"{made['points']:,} points are published at {url}{left_out}: any web server that answers ranges shows "
        f"index.html, and `lse cloud serve {url}` does here.",
    )


def _check_usage(files: Sequence[str], others: Mapping[str, object]) -> None:
    """Refuse options of the other kind of map."""
    if len(files) > 1:
        raise InvalidArgumentError("One file and one address are published at a time.", reason="COMMAND_INVALID")
    if given := [name for name, value in others.items() if value]:
        belongs = "a map of the services: leave out the file" if files else "a file: name it before the address"
        raise InvalidArgumentError(f"{given[0]} belongs to {belongs}.", reason="COMMAND_INVALID")


def _publish_projection(
    session: Session, url: str, experiment: str, projection: str, colour_by: Sequence[str], *, title: str, theme: str
) -> dict[str, Any]:
    try:
        from lse_dashboard.data.library import Library
        from lse_dashboard.data.publication import publication
        from lse_dashboard.plots.published_map import publish_map
        from lse_dashboard.theme import DARK, LIGHT
    except ModuleNotFoundError as missing:
        raise _missing(missing) from None
    client = session.client
    made = publication(Library(lambda: client), client.project, experiment, projection, colour_by)
    publish_map(
        url,
        made.cloud,
        made.names,
        made.colourings,
        theme=LIGHT if theme == "light" else DARK,
        title=title or f"{experiment} · {projection}",
        provenance=made.provenance,
    )
    return {"points": len(made.cloud), "colours": list(made.colourings)}


def _publish_file(
    path: Path, url: str, axes: Sequence[str], categories: Sequence[str], names: str, *, title: str, theme: str
) -> dict[str, Any]:
    try:
        import numpy as np

        from lse.pointcloud.map_files import publish_map_file
        from lse_dashboard.data.colouring import Groups
        from lse_dashboard.plots.palette import group_colours
        from lse_dashboard.theme import DARK, LIGHT
    except ModuleNotFoundError as missing:
        raise _missing(missing) from None
    shown = LIGHT if theme == "light" else DARK
    program = f"Latent Space Explorer {version('latent-space-explorer')}"
    about = {"provenance": [("File", path.name), ("Published with", program)]}
    with progress_display(path.name) as display:
        points, left_out = publish_map_file(
            path,
            url,
            title=title,
            axes=axes,
            categories=categories,
            names=names,
            colours=lambda labels: group_colours(Groups("", np.empty(0, np.int32), labels), shown),
            about=about | {"theme": shown.css(), "accent": shown.accent, "grey": shown.grey},
            monitor=Monitor(display.show),
        )
    return {"points": points, "left_out": left_out, "colours": list(categories)}


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
