"""Datasets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from lse import names
from lse.errors import InvalidArgumentError
from lse.platform.catalogue.records.record import Facts, Record, Stored, renamed

__all__ = ["Column", "DatasetRecord", "DatasetResult", "DatasetSpec", "DatasetVersion", "versions_of"]


class DatasetSpec(Facts):
    """What a dataset is to be made of.

    Attributes
    ----------
    sources
        Files and folders.
    recipe
        Recipe (YAML); suggested from the images when empty.
    catalogue, catalogue_key
        Catalogue that is joined, and its column that identifies the image; empty where not given.
    catalogue_radius_arcsec
        Largest separation in arcsec of a catalogue that is joined by position; 0 of one that is joined by its key.
    sent
        Whether sources and catalogue are names of files that were sent with the request.
    subset_of, packed_rows
        Dataset of whose images it is made, and their rows in it as a bitmap; empty of one that is made of sources.
    """

    sources: tuple[str, ...] = ()
    recipe: str = ""
    catalogue: str = ""
    catalogue_key: str = ""
    catalogue_radius_arcsec: float = 0
    sent: bool = False
    subset_of: str = ""
    packed_rows: str = ""


class Column(Facts):
    """A column of the metadata: the kind of its values, and what they mean as far as known.

    Attributes
    ----------
    type
        Name of its kind, see `lse.kinds.KINDS`.
    unit, ucd, description
        Unit as FITS and VOTable write it, unified content descriptor, and a sentence.
    distinct_count
        Different values among the prepared images, see `lse.services.ingestion.distinct`; 0 where it was not counted.
    """

    type: str
    unit: str = ""
    ucd: str = ""
    description: str = ""
    distinct_count: int = 0


class DatasetVersion(Facts):
    """A dataset after it was made, or after images were added to it.

    Attributes
    ----------
    version
        Its number, from 1.
    prepared_count, rejected_count
        Inputs that had a row, which are the first of the dataset, and those that had none.
    sources
        What came with it.
    """

    version: int
    prepared_count: int
    rejected_count: int
    sources: tuple[str, ...] = ()


class DatasetResult(Facts):
    """What came out of an ingest, and of all images added later.

    Attributes
    ----------
    folder
        URI of the folder of all the others.
    images_uri
        Zarr array of the prepared images, float32 (n, channels, size, size).
    table_uri
        Table of all inputs.
    thumbnails_uri
        Table of the thumbnails by row.
    sources_uri
        Table of what each input can be read from again; empty of what was ingested by version 0.1.
    sources, recipe
        Of all images.
    prepared_count, rejected_count
        Inputs that have a row in the array, and those that have none.
    channels
        Names of the bands.
    image_size
        Pixels a side.
    columns
        Metadata of the images, by name.
    catalogue_columns
        Those of them that the catalogue gave.
    simulated
        Whether all images say that they are simulated.
    notes
        Sentences on what was done to the images.
    inputs_uri
        Table of all inputs with their facts as JSON, of what was ingested by version 0.1.
    digests_uri
        Table of a digest of the pixels by row; empty of what was ingested before these were kept.
    versions
        What it was after it was made and after each addition; empty of what was ingested before these were kept.
    """

    folder: str
    images_uri: str
    table_uri: str
    thumbnails_uri: str
    sources: tuple[str, ...]
    recipe: str
    prepared_count: int
    rejected_count: int
    channels: tuple[str, ...]
    image_size: int
    columns: Mapping[str, Column]
    catalogue_columns: tuple[str, ...] = ()
    simulated: bool = False
    notes: tuple[str, ...] = ()
    inputs_uri: str = ""
    sources_uri: str = ""
    digests_uri: str = ""
    versions: tuple[DatasetVersion, ...] = ()

    def version_of(self, image_count: int) -> int:
        """First version that had so many images; 0 where versions were not kept."""
        return next((each.version for each in self.versions if each.prepared_count >= image_count), 0)


def versions_of(
    earlier: DatasetResult | None, *, prepared: int, rejected: int, sources: tuple[str, ...]
) -> tuple[DatasetVersion, ...]:
    """Versions of a dataset that is made, or of what an earlier one becomes, with so many images and inputs."""
    own: tuple[DatasetVersion, ...] = earlier.versions if earlier else ()
    if earlier and not own:  # it was made before they were kept
        own = (
            DatasetVersion(
                version=1,
                prepared_count=earlier.prepared_count,
                rejected_count=earlier.rejected_count,
                sources=earlier.sources,
            ),
        )
    new = DatasetVersion(version=len(own) + 1, prepared_count=prepared, rejected_count=rejected, sources=sources)
    return (*own, new)


class DatasetRecord(Record[DatasetSpec, DatasetResult]):
    """A collection of images, prepared alike."""

    pattern: ClassVar = names.DATASET

    def check_column(self, column: str) -> str:
        """Return a column that the metadata of the images have.

        Raises
        ------
        InvalidArgumentError
            If there is none of this name.
        """
        if column not in self.result.columns:
            raise InvalidArgumentError(
                f"The dataset '{self.id}' has no column '{column}': it has {', '.join(self.result.columns)}.",
                reason="COLUMN_UNKNOWN",
                column=column,
            )
        return column

    @classmethod
    def upgrade(cls, stored: Stored) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Spec and result of the current version, as JSON, of a record of an earlier version."""
        asked = {key: stored.parameters[key] for key in ("catalogue", "catalogue_key") if key in stored.parameters}
        result = renamed(stored.result, prepared="prepared_count", rejected="rejected_count", size="image_size")
        if result:
            result["columns"] = {name: {"type": kind} for name, kind in result["columns"].items()}
        return {**asked, **stored.spec}, result
