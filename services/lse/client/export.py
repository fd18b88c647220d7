"""Exported catalogues as files of this machine."""

from __future__ import annotations

import contextlib
from pathlib import Path

from latentspace.annotation.v1 import annotation_pb2 as pb
from lse.client.streams import new_file
from lse.client.subject import Subject
from lse.names import EXPERIMENT, SELECTION

__all__ = ["Exports"]


class Exports(Subject):
    """The catalogues of experiments."""

    def write(self, experiment: str, path: Path, *, form: str | None, selection: str | None, vectors: bool) -> Path:
        """Write the catalogue of an experiment; parameters as for `lse.client.Client.export`.

        Raises
        ------
        InvalidArgumentError, ResourceExhaustedError
            If the format is not known, or the file cannot be written.
        """
        request = pb.ExportCatalogueRequest(
            name=self._name(EXPERIMENT, experiment),
            format_id=form or path.suffix.removeprefix(".").lower(),
            selection=self._name(SELECTION, selection) if selection is not None else "",
            vectors=vectors,
        )
        stream = self._connection.stream(request)
        with contextlib.closing(stream), new_file(path) as file:
            for message in stream:
                file.write(message.data)
        return path
