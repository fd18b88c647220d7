"""What can give the points of a map their colour."""

from __future__ import annotations

from collections.abc import Iterable

from lse.client.projections import DRIFT_COLUMNS, TRUST_COLUMNS
from lse.client.resources import Projection
from lse_dashboard import wording
from lse_dashboard.data.images import origin_of
from lse_dashboard.data.library import ProjectContents
from lse_dashboard.data.opening import CLUSTERS, NOTHING, ready
from lse_dashboard.data.remarks import REMARK_COLOURS

__all__ = ["colour_groups", "measures"]


def colour_groups(
    contents: ProjectContents, projection: Projection | None, columns: Iterable[str], *, clustered: bool, now: str
) -> dict[str, dict[str, str]]:
    """What can colour a map, by where it comes from: title to the name of the colouring, see `read_colouring`.

    Parameters
    ----------
    contents, projection, columns
        What is open.
    clustered
        Whether there are clusters.
    now
        What colours it now.
    """
    words = wording.Colours
    own = {words.CLUSTERS: CLUSTERS} if clustered else {}
    said = {words.LABELS.format(name=one.id): f"label:{one.id}" for one in contents.schemes} | REMARK_COLOURS
    for one in ready(contents.predictions):
        said[words.PREDICTION.format(name=one.id)] = f"prediction:{one.id}"
        said[words.PROBABILITY.format(name=one.id)] = f"probability:{one.id}"
    found = {words.MAP: {**own, words.NOTHING: NOTHING, **measures(contents, projection, now)}, words.SAID: said}
    for column in columns:
        found.setdefault(words.ORIGINS[origin_of(column)], {})[column] = f"column:{column}"
    return {title: choices for title, choices in found.items() if choices}


def measures(contents: ProjectContents, projection: Projection | None, colour_by: str = "") -> dict[str, str]:
    """Scores of the images and of their places on the map that can colour it: title to the name of the colouring.

    Of the many concepts it is the one that colours it now.
    """
    outliers = contents.experiment.outlier_scores if contents.experiment else ()
    choices = {wording.Colours.OUTLIER.format(name=name.replace("_", " ")): f"outlier:{name}" for name in outliers}
    shares = (*TRUST_COLUMNS, *DRIFT_COLUMNS)
    trust = [name for name in shares if projection is not None and name in projection.figures]
    kind, _, concept = colour_by.partition(":")
    if kind == "concept":
        choices[wording.Concepts.COLOUR.format(concept=concept)] = colour_by
    return choices | {wording.Colours.TRUST.format(name=name.replace("_", " ")): f"trust:{name}" for name in trust}
