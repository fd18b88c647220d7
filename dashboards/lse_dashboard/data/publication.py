"""What is published of an experiment: a map, and what colours it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lse.errors import FailedPreconditionError, InvalidArgumentError
from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import Colouring
from lse_dashboard.data.library import Library
from lse_dashboard.data.opening import CLUSTERS, Opened, Wanted, opened, read_colouring
from lse_dashboard.data.provenance import provenance

__all__ = ["COLOURS", "Publication", "publication"]

COLOURS = ("clustering:NAME", "column:NAME", "label:SCHEME", "prediction:NAME", "probability:NAME", "outlier:SCORE")
"""What a published map can be coloured by."""


@dataclass(frozen=True)
class Publication:
    """A map that is published.

    Attributes
    ----------
    cloud
        Points.
    names
        Name of each image, by its row.
    colourings
        What the points can be coloured by, by title.
    provenance
        Where the map comes from, as titles and values.
    """

    cloud: Cloud
    names: list[str]
    colourings: dict[str, Colouring]
    provenance: tuple[tuple[str, str], ...]


def publication(
    library: Library, project: str, experiment: str, projection: str, colours: Sequence[str] = ()
) -> Publication:
    """Read what is to be published.

    Parameters
    ----------
    library, project
        Where it comes from.
    experiment, projection
        Names of what is published.
    colours
        What the points can be coloured by, each as in `COLOURS`.

    Raises
    ------
    NotFoundError
        There is no such experiment, projection or clustering.
    FailedPreconditionError
        The projection is not ready.
    InvalidArgumentError
        There is nothing of that name to colour by.
    """
    client = library.client(project)
    state = client.projections.get(experiment, projection).state
    if state != "ready":  # it is not exchanged for the newest
        raise FailedPreconditionError(
            f"The projection {projection} is {state}: publish it once it is ready.", reason="RESOURCE_NOT_READY"
        )
    shown = opened(library, project, Wanted(experiment, projection, clustering="", colour_by=""))
    assert shown.cloud is not None
    assert shown.images is not None
    read = {name: _colouring(library, project, shown, name) for name in dict.fromkeys(colours)}
    titles = [one.title for one in read.values()]
    named = {one.title if titles.count(one.title) == 1 else name: one for name, one in read.items()}
    names = shown.images.names_of(np.arange(shown.cloud.tiled.source_count))
    return Publication(shown.cloud, names, named, provenance(shown.contents, shown.projection, shown.clustering))


def _colouring(library: Library, project: str, shown: Opened, colour: str) -> Colouring:
    kind, _, name = colour.partition(":")
    experiment, cloud = shown.contents.experiment, shown.cloud
    found = None
    if kind == "clustering" and experiment is not None and cloud is not None:
        return library.clusters(
            project, experiment, library.client(project).clusterings.get(experiment.id, name), cloud
        )
    if kind not in {CLUSTERS, "remark", "trust", "concept"}:
        found = read_colouring(library, project, shown, colour)
    if found is None:
        raise InvalidArgumentError(
            f"The map cannot be coloured by {colour!r}: give {', '.join(COLOURS[:-1])} or {COLOURS[-1]} of what the "
            "experiment has.",
            reason="COLOURS_UNKNOWN",
        )
    return found
