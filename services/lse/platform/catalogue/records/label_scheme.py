"""Label schemes."""

from __future__ import annotations

from typing import ClassVar

from lse import names
from lse.platform.catalogue.records.record import Facts, Nothing, Record

__all__ = ["LabelSchemeRecord", "LabelSchemeSpec"]


class LabelSchemeSpec(Facts):
    """Classes of a label scheme."""

    classes: tuple[str, ...]


class LabelSchemeRecord(Record[LabelSchemeSpec, Nothing]):
    """Classes that experts give to images."""

    pattern: ClassVar = names.LABEL_SCHEME
