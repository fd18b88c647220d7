"""What the parts of a client stand on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from latentspace.encoding.v1.encoding_pb2 import GetExperimentRequest
from latentspace.ingestion.v1.ingestion_pb2 import ReadImageTableRequest
from lse.client.connection import Connection
from lse.client.names import Names
from lse.client.requests import rows_message
from lse.errors import InvalidArgumentError
from lse.names import DATASET, EXPERIMENT, IMAGE, image_of

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

    def _image(self, experiment: str, image: str | int) -> str:
        """Full name of an image; its own name or path, or its row as a number, is of the dataset of an experiment."""
        (name,) = self._images(experiment, [image])
        return name

    def _images(self, experiment: str, images: Sequence[str | int]) -> list[str]:
        """Full names of some images, see `_image`."""
        if all(isinstance(image, str) and IMAGE.is_full(image) for image in images):
            return [self._name(IMAGE, "", str(image)) for image in images]
        request = GetExperimentRequest(name=self._name(EXPERIMENT, experiment))
        dataset = self._connection.call(request).dataset
        return [self._image_of(dataset, image) for image in images]

    def _image_of(self, dataset: str, image: str | int | None = None, row: int | None = None) -> str:
        """Full name of the image of a dataset that is given by its name or path, or by its row.

        Raises
        ------
        InvalidArgumentError
            If both are given, neither is, or there is no such row.
        """
        given = image if row is None else row
        if given is None or (image is not None and row is not None):
            raise InvalidArgumentError("Name one image: by its name or path, or by its row.", reason="QUERY_INVALID")
        if isinstance(given, str):
            return self._name(IMAGE, dataset, given)
        # A name may look like a number: only the table knows which image a row is.
        request = ReadImageTableRequest(name=self._name(DATASET, dataset))
        (name,) = self._read(request, [int(given)], ["name"])["name"].to_pylist()
        return image_of(request.name, name)

    def _read(self, request: Any, rows: Iterable[int] | None, columns: Iterable[str]) -> pa.Table:
        """Rows and columns of a table, all where they are not given."""
        if (wanted := rows_message(rows)) is not None:
            request.rows.CopyFrom(wanted)
        request.columns.extend(columns)
        return self._connection.table(request)
