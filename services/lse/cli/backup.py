"""`lse backup` and `lse restore`: a copy of a home, also of one that is in use, and a home made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lse.cli.session import Session, service_command
from lse.values import counted

__all__ = ["register"]

DEFAULT_HOME = Path("~/.lse")


def backup(
    session: Session,
    out: Annotated[Path, typer.Argument(metavar="OUT.tar", help="File to write.")],
    *,
    home: Annotated[
        Path, typer.Option("--home", help="Folder in which `lse up` keeps everything.", show_default=True)
    ] = DEFAULT_HOME,
) -> None:
    """Copy a home to one file, while `lse up` runs on it or not.

    It holds the catalogue and the bulk data that it names. Work that has not ended is cancelled in the copy.
    """
    from lse.embedded.backup import back_up

    made = back_up(home, out)
    session.say(made, f"{made.path} is written: {counted(made.files, 'file')}, {made.byte_count / 2**20:,.1f} MiB.")


def restore(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE.tar", help="What `lse backup` wrote.")],
    *,
    home: Annotated[Path, typer.Option("--home", help="Folder to make, for `lse up --home`.")],
) -> None:
    """Make a home of a backup; every file is compared with its checksum.

    `lse up` fills the collections of vectors anew when it starts on it.
    """
    from lse.embedded.backup import restore as restored

    made = restored(file, home)
    session.say(made, f"{made.path} is complete: start it by `lse up --home {made.path}`.")


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    service_command(app, "backup")(backup)
    service_command(app, "restore")(restore)
