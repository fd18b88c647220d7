"""Projections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from lse import names
from lse.platform.catalogue.records.record import (
    Figures,
    MethodResult,
    MethodSpec,
    Record,
    Stored,
    renamed,
    with_method,
)

__all__ = ["ProjectionRecord", "ProjectionResult", "ProjectionSpec"]


class ProjectionSpec(MethodSpec):
    """What a projection is to be made by.

    Attributes
    ----------
    placed_on
        Name of the projection on whose map the images are placed; empty where a map of their own is made.
    """

    placed_on: str = ""

    @property
    def target(self) -> str:
        """Column or ``label.SCHEME`` of the classes that the map knows; empty for none."""
        return str(self.parameters.get("target") or "")

    @property
    def align_to(self) -> str:
        """Projection that the map is turned to; empty for none."""
        return str(self.parameters.get("align_to") or "")


class ProjectionResult(MethodResult):
    """What came out of a projection.

    Attributes
    ----------
    coordinates_uri
        Zarr array of the coordinates, float32 (n, components).
    cloud_uri
        Folder of their point cloud with levels of detail; empty of a projection that was made without one.
    image_count
        Images in it.
    trust_uri
        Zarr array of a few shares of each point, float32 (n, m); empty where there are none.
    trust_columns
        What they are: shares of false and of missed neighbours or, of images placed on a map, their novelty.
    figures, notes
        How faithful it is, and sentences for a person.
    model
        Plain values of the fitted model, which places other images; empty of a projection without one.
    model_arrays
        Its Zarr arrays, by name.
    """

    coordinates_uri: str
    cloud_uri: str = ""
    image_count: int
    trust_uri: str = ""
    trust_columns: tuple[str, ...] = ("false_neighbours", "missed_neighbours")
    figures: Figures = Field(default_factory=dict)
    notes: tuple[str, ...] = ()
    model: dict[str, Any] = Field(default_factory=dict)
    model_arrays: dict[str, str] = Field(default_factory=dict)


class ProjectionRecord(Record[ProjectionSpec, ProjectionResult]):
    """An experiment arranged in two or three dimensions."""

    pattern: ClassVar = names.PROJECTION

    @classmethod
    def upgrade(cls, stored: Stored) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Spec and result of the current version, as JSON, of a record of an earlier version."""
        return with_method(stored.spec, n_components="components"), renamed(stored.result, images="image_count")
