"""Label schemes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from lse import names
from lse.platform.catalogue.records.record import Facts, Nothing, Record

__all__ = ["LabelSchemeRecord", "LabelSchemeSpec"]


class LabelSchemeSpec(Facts):
    """Classes of a label scheme.

    Attributes
    ----------
    classes
        The classes.
    class_definitions
        What some of them mean.
    """

    classes: tuple[str, ...]
    class_definitions: Mapping[str, str] = Field(default_factory=dict)


class LabelSchemeRecord(Record[LabelSchemeSpec, Nothing]):
    """Classes that experts give to images."""

    pattern: ClassVar = names.LABEL_SCHEME

    @property
    def labels_version(self) -> str:
        """What changes with the labels, of which a scheme knows nothing: the service that lists schemes fills it in."""
        return ""
