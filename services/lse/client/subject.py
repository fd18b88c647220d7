"""What the parts of a client stand on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from latentspace.encoding.v1.encoding_pb2 import GetExperimentRequest
from lse.client.connection import Connection
from lse.client.names import Names
from lse.client.requests import rows_message
from lse.names import EXPERIMENT, IMAGE

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Subject"]


class Subject:
    """A part of a client, such as its datasets.

    Parameters
    ----------
    connection
        Channel to the services.
    names
        Names of the resources of the client's project.
    """

    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection = connection
        self._name = names.of
        self._parent = names.parent

    def _image(self, experiment: str, image: str) -> str:
        """Full name of an image; its own name, path or row is of the dataset of an experiment."""
        (name,) = self._images(experiment, [image])
        return name

    def _images(self, experiment: str, images: Sequence[str]) -> list[str]:
        """Full names of some images, see `_image`."""
        if all(IMAGE.is_full(image) for image in images):
            return [self._name(IMAGE, "", image) for image in images]
        request = GetExperimentRequest(name=self._name(EXPERIMENT, experiment))
        dataset = self._connection.call(request).dataset
        return [self._name(IMAGE, dataset, image) for image in images]

    def _read(self, request: Any, rows: Iterable[int] | None, columns: Iterable[str]) -> pa.Table:
        """Rows and columns of a table, all where they are not given."""
        if (wanted := rows_message(rows)) is not None:
            request.rows.CopyFrom(wanted)
        request.columns.extend(columns)
        return self._connection.table(request)
