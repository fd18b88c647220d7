"""Annotation: label schemes, labels, selections, exported catalogues."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from latentspace.annotation.v1 import annotation_pb2 as pb
from latentspace.annotation.v1.annotation_pb2_grpc import AnnotationServiceStub
from lse.client.connection import Connection
from lse.client.names import Names, new_name
from lse.client.resources import LabelScheme, Selection, Suggestion
from lse.client.rows import bitmap_of
from lse.platform.errors import InvalidArgumentError, ResourceExhaustedError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

__all__ = ["ExportFormat", "Labels", "Selections", "export_catalogue", "export_format"]

ExportFormat = Literal["csv", "parquet", "vot", "fits"]

_FORMATS: dict[str, pb.ExportCatalogueRequest.Format.ValueType] = {
    "csv": pb.ExportCatalogueRequest.FORMAT_CSV,
    "parquet": pb.ExportCatalogueRequest.FORMAT_PARQUET,
    "vot": pb.ExportCatalogueRequest.FORMAT_VOTABLE,
    "fits": pb.ExportCatalogueRequest.FORMAT_FITS,
}


class Labels:
    """The label schemes of a project and the labels given by them."""

    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection = connection
        self._names = names
        self._stub = AnnotationServiceStub(connection.channel)

    def schemes(self) -> list[LabelScheme]:
        """All label schemes in the order of their names."""
        pages = self._connection.pages(
            lambda token: self._connection.unary(
                self._stub.ListLabelSchemes,
                pb.ListLabelSchemesRequest(parent=self._names.parent, page_size=1000, page_token=token),
            ),
            lambda page: page.label_schemes,
        )
        return [LabelScheme.from_pb(message) for message in pages]

    def scheme(self, name: str) -> LabelScheme:
        """Label scheme of a name."""
        request = pb.GetLabelSchemeRequest(name=self._names.label_scheme(name))
        return LabelScheme.from_pb(self._connection.unary(self._stub.GetLabelScheme, request))

    def create_scheme(self, name: str, *, title: str = "", classes: Iterable[str] = ()) -> LabelScheme:
        """Make a label scheme."""
        parent, short = new_name(self._names.label_scheme(name))
        request = pb.CreateLabelSchemeRequest(
            parent=parent,
            label_scheme_id=short,
            label_scheme=pb.LabelScheme(title=title, classes=list(classes)),
        )
        return LabelScheme.from_pb(self._connection.unary(self._stub.CreateLabelScheme, request))

    def update_scheme(
        self, name: str, *, title: str | None = None, classes: Iterable[str] | None = None
    ) -> LabelScheme:
        """Change title or classes; what is not given stays."""
        now = self.scheme(name)
        request = pb.UpdateLabelSchemeRequest(
            label_scheme=pb.LabelScheme(
                name=now.name,
                title=now.title if title is None else title,
                classes=now.classes if classes is None else list(classes),
            )
        )
        return LabelScheme.from_pb(self._connection.unary(self._stub.UpdateLabelScheme, request))

    def delete_scheme(self, name: str) -> None:
        """Delete a label scheme with its labels."""
        request = pb.DeleteLabelSchemeRequest(name=self._names.label_scheme(name))
        self._connection.unary(self._stub.DeleteLabelScheme, request)

    def set(
        self,
        scheme: str,
        *,
        dataset: str,
        rows: Iterable[int] | npt.NDArray[np.integer],
        label: str,
        author: str = "",
    ) -> int:
        """Give images a class, or take it away.

        Parameters
        ----------
        scheme, dataset
            Label scheme and dataset.
        rows
            Rows of the images.
        label
            Class of the scheme; empty takes the label away.
        author
            Who says so.

        Returns
        -------
        int
            Labels that changed.
        """
        request = pb.SetLabelsRequest(
            name=self._names.label_scheme(scheme),
            dataset=self._names.dataset(dataset),
            rows_bitmap=bitmap_of(rows),
            label=label,
            author=author,
        )
        return self._connection.unary(self._stub.SetLabels, request).changed_count

    def table(self, scheme: str, *, dataset: str) -> pa.Table:
        """Labels of a dataset: columns ``name``, ``row``, ``label``, ``author`` and ``time``."""
        request = pb.ReadLabelsRequest(name=self._names.label_scheme(scheme), dataset=self._names.dataset(dataset))
        return self._connection.table(self._stub.ReadLabels, request)

    def suggest(self, scheme: str, *, experiment: str, count: int = 20) -> list[int]:
        """Rows of images whose labels would teach most, most telling first."""
        return list(self.suggestion(scheme, experiment=experiment, count=count).rows)

    def suggestion(self, scheme: str, *, experiment: str, count: int = 20) -> Suggestion:
        """The same with notes on how they were chosen."""
        request = pb.SuggestImagesRequest(
            name=self._names.label_scheme(scheme),
            experiment=self._names.experiment(experiment),
            image_count=count,
        )
        return Suggestion.from_pb(self._connection.unary(self._stub.SuggestImages, request))


class Selections:
    """The selections of a project."""

    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection = connection
        self._names = names
        self._stub = AnnotationServiceStub(connection.channel)

    def list(self) -> list[Selection]:
        """All selections in the order of their names."""
        pages = self._connection.pages(
            lambda token: self._connection.unary(
                self._stub.ListSelections,
                pb.ListSelectionsRequest(parent=self._names.parent, page_token=token),
            ),
            lambda page: page.selections,
        )
        return [Selection.from_pb(message) for message in pages]

    def get(self, name: str) -> Selection:
        """Selection of a name."""
        request = pb.GetSelectionRequest(name=self._names.selection(name))
        return Selection.from_pb(self._connection.unary(self._stub.GetSelection, request))

    def create(self, name: str, *, dataset: str, rows: Iterable[int] | npt.NDArray[np.integer]) -> Selection:
        """Keep a set of rows of a dataset under a name."""
        parent, short = new_name(self._names.selection(name))
        request = pb.CreateSelectionRequest(
            parent=parent,
            selection_id=short,
            selection=pb.Selection(dataset=self._names.dataset(dataset), rows_bitmap=bitmap_of(rows)),
        )
        return Selection.from_pb(self._connection.unary(self._stub.CreateSelection, request))

    def delete(self, name: str) -> None:
        """Delete a selection."""
        request = pb.DeleteSelectionRequest(name=self._names.selection(name))
        self._connection.unary(self._stub.DeleteSelection, request)


def export_format(path: Path, given: str | None = None) -> str:
    """Format of an exported file: the one given, else that of its suffix.

    Raises
    ------
    InvalidArgumentError
        If it is none of csv, parquet, vot and fits.
    """
    wanted = given or path.suffix.removeprefix(".").lower()
    if wanted not in _FORMATS:
        raise InvalidArgumentError(
            f"The format '{wanted}' of '{path}' is not known: use {', '.join(_FORMATS)}.", reason="INVALID_FORMAT"
        )
    return wanted


def export_catalogue(
    connection: Connection,
    names: Names,
    *,
    experiment: str,
    path: Path,
    form: str,
    selection: str | None,
    vectors: bool,
) -> Path:
    """Write the catalogue of an experiment; the file appears under its name once it is complete.

    Raises
    ------
    InvalidArgumentError, ResourceExhaustedError
        If the file cannot be written.
    """
    request = pb.ExportCatalogueRequest(
        name=names.experiment(experiment),
        format=_FORMATS[form],
        selection=names.selection(selection) if selection is not None else "",
        vectors=vectors,
    )
    stream = connection.stream(AnnotationServiceStub(connection.channel).ExportCatalogue, request)
    part: Path | None = None
    try:
        handle, part_name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        part = Path(part_name)
        with os.fdopen(handle, "wb") as file:
            for message in stream:
                file.write(message.data)
        # mkstemp makes files that only their owner may read; this one is for whoever may read new files here.
        mask = os.umask(0)
        os.umask(mask)
        part.chmod(0o666 & ~mask)
        part.replace(path)
    except OSError as error:
        kind = ResourceExhaustedError if error.errno in {28, 122} else InvalidArgumentError  # ENOSPC, EDQUOT
        raise kind(
            f"The file '{path}' cannot be written ({error.strerror}): choose another place.",
            reason="FILE_UNWRITABLE",
            path=path,
        ) from error
    finally:
        stream.close()
        if part is not None:
            part.unlink(missing_ok=True)
    return path
