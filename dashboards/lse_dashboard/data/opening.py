"""Opening an experiment: what a visitor wants to see, and all that must be read to show it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from lse.client.resources import Clustering, MadeResource, NamedResource, Projection
from lse.errors import InvalidArgumentError
from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import Colouring, Groups, on_scale
from lse_dashboard.data.gradient import USUAL, Scale
from lse_dashboard.data.images import ImageIndex
from lse_dashboard.data.library import Library, ProjectContents
from lse_dashboard.data.link import Link
from lse_dashboard.data.remarks import remark_groups, remarks_of

__all__ = [
    "CLUSTERS",
    "NOTHING",
    "Opened",
    "Wanted",
    "named",
    "opened",
    "read_colouring",
    "ready",
    "wanted_of",
    "wanted_result",
]

NamedT = TypeVar("NamedT", bound=NamedResource)
MadeT = TypeVar("MadeT", bound=MadeResource)

CLUSTERS = "clusters"
NOTHING = "nothing"


@dataclass(frozen=True)
class Wanted:
    """What to open.

    Attributes
    ----------
    experiment
        Its name, None for none.
    projection, clustering
        Their names; the newest where there is none of the name (of projections the newest flat one, if there is one),
        and no clustering where it is empty.
    colour_by
        What gives the points their colour; see `read_colouring`.
    scale
        On which numbers do.
    newest
        Whether the project's pinned view, or else its newest experiment, takes the place of one that is not there.
    stay
        Whether hidden groups, the selection and the point size are kept.
    view
        Link that says all this and more; None where none was opened.
    """

    experiment: str | None
    projection: str | None = None
    clustering: str | None = None
    colour_by: str = CLUSTERS
    scale: Scale = USUAL
    newest: bool = False
    stay: bool = False
    view: Link | None = None


def wanted_result(name: str) -> Wanted:
    """What shows a projection, a clustering or a prediction, given its resource name."""
    experiment, kind, target = name.split("/")[-3:]
    if kind == "projections":
        return Wanted(experiment, target)
    if kind == "clusterings":
        return Wanted(experiment, clustering=target)
    return Wanted(experiment, colour_by=f"prediction:{target}")


def wanted_of(link: Link) -> Wanted:
    """What is to be read to show a view."""
    return Wanted(
        link.experiment or None,
        link.projection or None,
        link.clustering,
        link.colour_by or CLUSTERS,
        link.scale,
        newest=not link.experiment,
        view=link,
    )


@dataclass(frozen=True)
class Opened:
    """What was found; None for what there is not."""

    contents: ProjectContents
    view: Link | None = None
    images: ImageIndex | None = None
    projection: Projection | None = None
    clustering: Clustering | None = None
    cloud: Cloud | None = None
    clusters: Groups | None = None
    colour_by: str = NOTHING
    scale: Scale = USUAL
    colouring: Colouring | None = None


def opened(library: Library, project: str, wanted: Wanted) -> Opened:
    """Read what is to be opened.

    Raises
    ------
    LseError
        The services do not answer, or something was deleted meanwhile.
    """
    contents = library.contents(project, wanted.experiment)
    if wanted.newest and contents.experiment is None and (usable := ready(contents.experiments)):
        pinned = library.pinned(project)
        if named(usable, pinned.experiment) is not None:
            wanted = wanted_of(pinned)
        contents = library.contents(project, wanted.experiment or usable[-1].id)
    experiment, dataset = contents.experiment, contents.dataset
    if experiment is None or dataset is None or experiment.state != "ready":
        return Opened(contents, wanted.view)
    images = library.images(project, dataset)
    # A flat map is drawn at once and on any machine; a solid one is there for whoever asks for it.
    flat = [one for one in contents.projections if one.components == 2 or one.id == wanted.projection]
    projection = _chosen(flat, wanted.projection) or _chosen(contents.projections, wanted.projection)
    clustering = None if wanted.clustering == "" else _chosen(contents.clusterings, wanted.clustering)
    if projection is None:
        return Opened(contents, wanted.view, images, clustering=clustering)
    cloud = library.cloud(project, experiment, projection)
    clusters = None if clustering is None else library.clusters(project, experiment, clustering, cloud)
    colour_by = NOTHING if wanted.colour_by == CLUSTERS and clusters is None else wanted.colour_by
    found = Opened(contents, wanted.view, images, projection, clustering, cloud, clusters, colour_by)
    colouring, scale = read_colouring(library, project, found, colour_by), wanted.scale
    try:
        return replace(found, colouring=on_scale(colouring, scale), scale=scale)
    except InvalidArgumentError:  # the numbers are others than when the link was made
        scale = scale.for_others()
        return replace(found, colouring=on_scale(colouring, scale), scale=scale)


def read_colouring(library: Library, project: str, shown: Opened, colour_by: str) -> Colouring | None:
    """Colours of the points that are shown.

    Parameters
    ----------
    library, project
        Where they come from.
    shown
        What is open.
    colour_by
        ``nothing``, ``clusters``, or ``KIND:NAME`` of a ``column``, ``label`` scheme, ``prediction`` or
        ``probability`` of one, of a measure, ``concept:NUMBER``, or ``remark:`` and ``interest``,
        ``expected_interest`` or ``tags``.

    Returns
    -------
    colouring
        None for nothing, and where its source is gone.
    """
    contents, cloud = shown.contents, shown.cloud
    kind, _, name = colour_by.partition(":")
    experiment, dataset = contents.experiment, contents.dataset
    if experiment is None or dataset is None or cloud is None or kind == CLUSTERS:
        return shown.clusters if kind == CLUSTERS and cloud is not None else None
    if kind == "column" and name in dataset.columns:
        return library.by_column(project, dataset, name, cloud)
    prediction = named(ready(contents.predictions), name)
    if kind in {"label", "remark"}:
        return _said(library, project, contents, colour_by, cloud)
    if kind in {"prediction", "probability"} and prediction is not None:
        # A class has the colour that it has among the labels.
        order = next((one.classes for one in contents.schemes if one.name == prediction.label_scheme), ())
        return library.predicted(project, experiment, prediction, cloud, probability=kind == "probability", order=order)
    if kind == "trust" and shown.projection is not None and name in shown.projection.figures:
        return library.trust(project, experiment, shown.projection, name, cloud)
    found = None
    if kind == "concept" and name.isdecimal():
        found = library.concept(project, experiment, int(name), cloud)
    elif kind == "outlier" and name in experiment.outlier_scores:
        found = library.outlier_scores(project, experiment, name, cloud)
    return found


def _said(library: Library, project: str, contents: ProjectContents, colour_by: str, cloud: Cloud) -> Colouring | None:
    """Points of a cloud by what experts said of their images: labels of a scheme, or remarks."""
    kind, _, name = colour_by.partition(":")
    dataset, scheme = contents.dataset, named(contents.schemes, name)
    if contents.experiment is not None and colour_by == "remark:expected_interest":
        return library.expected_interest(project, contents.experiment, cloud)
    if dataset is not None and kind == "remark":
        return remark_groups(remarks_of(library.client(project), dataset.id), name, cloud)
    return None if dataset is None or scheme is None else library.labels(project, dataset, scheme, cloud)


def ready(resources: Iterable[MadeT]) -> list[MadeT]:
    """Those that can be shown, oldest first."""
    return sorted(
        (one for one in resources if one.state == "ready"),
        key=lambda one: one.create_time.timestamp() if one.create_time else 0.0,
    )


def named(resources: Iterable[NamedT], name: str | None) -> NamedT | None:
    """The one of a name, None where there is none."""
    return next((one for one in resources if one.id == name), None)


def _chosen(resources: Iterable[MadeT], name: str | None) -> MadeT | None:
    usable = ready(resources)
    return named(usable, name) or (usable[-1] if usable else None)


def titles_of(clustering: Clustering | None) -> dict[int, str]:
    """Names that its clusters were given."""
    return {} if clustering is None else clustering.cluster_titles


def gone(chosen: MadeResource | None, resources: Iterable[MadeResource]) -> bool:
    """Whether what is shown is no longer among those that there are."""
    return chosen is not None and all(one.uid != chosen.uid for one in resources)
