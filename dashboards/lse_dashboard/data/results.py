"""What visitors take with them: catalogues of selected images as files, selections under a name."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path

from lse.client import Client
from lse.client.resources import Selection
from lse.errors import LseError
from lse_dashboard.data.images import Rows

__all__ = ["FORMATS", "saved", "write_selected"]

FORMATS = {"CSV": "csv", "Parquet": "parquet", "VOTable": "vot", "FITS": "fits"}
"""Formats of catalogues, title to suffix."""


def saved(client: Client, name: str, *, dataset: str, rows: Rows, description: str) -> Selection:
    """Keep a selection under a name.

    Raises
    ------
    LseError
        There is one of the name, or it cannot be a name.
    """
    return client.selections.create(name, dataset=dataset, rows=rows, description=description)


def write_selected(client: Client, experiment: str, path: Path, *, dataset: str, rows: Rows | None) -> Path:
    """Write the catalogue of some images of an experiment, all where no rows are given.

    The services export what they keep, so the rows are kept under a name of chance as long as that takes.
    """
    if rows is None:
        return client.export(experiment, path)
    kept = client.selections.create(f"explorer-{secrets.token_hex(8)}", dataset=dataset, rows=rows)
    try:
        return client.export(experiment, path, selection=kept.id)
    finally:
        # What is left behind is a selection that nobody needs: no reason to lose the file.
        with suppress(LseError):
            client.selections.delete(kept.id)
