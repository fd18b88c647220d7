"""Sources: the files a dataset is made of."""

from lse.images.sources.bands import grouped, likely_pattern
from lse.images.sources.files import (
    Source,
    distinct_names,
    find_sources,
    folder_classes,
    names_of,
    printable_path,
)

__all__ = [
    "Source",
    "distinct_names",
    "find_sources",
    "folder_classes",
    "grouped",
    "likely_pattern",
    "names_of",
    "printable_path",
]
