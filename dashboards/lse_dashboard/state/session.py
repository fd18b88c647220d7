"""All that one visitor has chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import param

from lse.client.resources import Clustering, Experiment, MadeResource, Projection
from lse.platform.errors import LseError, UnauthenticatedError, UnavailableError
from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import Colouring, Groups, colourable_columns, column_colouring
from lse_dashboard.data.images import ImageTable
from lse_dashboard.data.library import Library, Methods, Shelf
from lse_dashboard.data.operations import OperationRow
from lse_dashboard.state.background import Background
from lse_dashboard.state.checking import Checking
from lse_dashboard.state.explaining import Explaining
from lse_dashboard.state.space import Space
from lse_dashboard.state.training import Training
from lse_dashboard.state.walk import Place, Walk
from lse_dashboard.state.work import Work

__all__ = ["PREDICTED", "Session"]

MadeT = TypeVar("MadeT", bound=MadeResource)

FIRST_PROJECTION = "pca-2d"
CLUSTERS = "clusters"
NOTHING = "nothing"
PREDICTED = ("prediction:", "probability:")
_IDLE_TICKS = 3


@dataclass(frozen=True)
class _Opened:
    """What must be at hand to show a projection."""

    shelf: Shelf
    images: ImageTable | None
    projection: Projection | None
    clustering: Clustering | None
    cloud: Cloud | None
    clusters: Groups | None


class Session(param.Parameterized):
    """The choices of one browser tab.

    Parameters
    ----------
    library
        Where everything comes from, shared by all visitors.
    background
        Runs what would make the page wait.
    """

    projects: param.Parameter[tuple[str, ...]] = param.Parameter((), doc="Projects to choose from.")
    project = param.String("", doc="Chosen project.")
    shelf: param.Parameter[Shelf] = param.Parameter(Shelf(()), doc="What the project and the chosen experiment hold.")
    images: param.Parameter[ImageTable | None] = param.Parameter(None, doc="Images of the chosen experiment.")
    projection: param.Parameter[Projection | None] = param.Parameter(None, doc="Chosen projection.")
    clustering: param.Parameter[Clustering | None] = param.Parameter(None, doc="Chosen clustering.")
    colour_by = param.String(
        NOTHING,
        doc="`nothing`, `clusters`, or `KIND:NAME` of a `column`, `label` scheme, `prediction` or `probability`.",
    )
    problem = param.String("", doc="One sentence about what is wrong now.")
    online = param.Boolean(False, doc="Whether the services answer.")
    loading = param.Boolean(False, doc="Whether an experiment is being opened.")

    def __init__(self, library: Library, background: Background, *, project: str = "", experiment: str = "") -> None:
        super().__init__()
        self.library = library
        self.background = background
        self.space = Space()
        self.walk = Walk(library, background)
        self.work = Work(library, background)
        self.checking = Checking(library, background)
        self.training = Training(library, background)
        self.explaining = Explaining(library, background, self.walk)
        self._clusters: Groups | None = None
        self._wished = (project, experiment)
        self._ticket = 0
        self._polling = False
        self._tick = 0
        self._started = False
        self.work.param.watch(self._on_finished, "finished")

    @property
    def experiment(self) -> Experiment | None:
        """Chosen experiment."""
        return self.shelf.experiment

    @property
    def clusters(self) -> Groups | None:
        """Cluster of each point, None where nothing is clustered."""
        return self._clusters

    def start(self) -> None:
        """Ask the services what there is and open the wished experiment, else the newest one."""
        project, _ = self._wished
        self._started = self._polling = True

        def ask() -> tuple[tuple[str, ...], Methods]:
            return self.library.projects(), self.library.methods()

        def answered(answer: tuple[tuple[str, ...], Methods]) -> None:
            self._polling = False
            projects, methods = answer
            self.work.methods = methods
            if project and project not in projects:
                projects = (project, *projects)
            self.param.update(projects=projects, online=True, problem="")
            self.choose_project(project or projects[0], experiment=self._wished[1])

        def failed(error: LseError) -> None:
            self._polling = False
            self._failed(error)

        self.background(ask, answered, failed)

    def choose_project(self, project: str, *, experiment: str = "") -> None:
        """Go to a project and open one of its experiments, the newest where none is named."""
        self.project = project
        self.work.leave()
        self.checking.close()
        self.training.close()
        self._open(experiment or None, newest=not experiment)

    def choose_experiment(self, experiment: str) -> None:
        """Open an experiment."""
        self._open(experiment)

    def choose_projection(self, projection: str) -> None:
        """Show another projection of the experiment."""
        if self.experiment is not None:
            clustering = None if self.clustering is None else self.clustering.id
            self._open(self.experiment.id, projection=projection, clustering=clustering or "", stay=True)

    def choose_clustering(self, clustering: str) -> None:
        """Colour by another clustering of the experiment, by none where the name is empty."""
        if self.experiment is not None:
            projection = None if self.projection is None else self.projection.id
            self._open(self.experiment.id, projection=projection, clustering=clustering, stay=True, colour_by=CLUSTERS)

    def choose_colour(self, colour_by: str) -> None:
        """Colour the points by something else."""
        self.colour_by = colour_by
        load = self._colours_asked_for(colour_by)
        if load is None:
            self.space.colour(self._colouring(colour_by, self.images, self.space.cloud, self._clusters))
            return
        cloud = self.space.cloud

        def loaded(colouring: Colouring) -> None:
            # The visitor may have chosen something else since.
            if self.colour_by == colour_by and self.space.cloud is cloud:
                self.space.colour(colouring)

        self.background(load, loaded, self._failed)

    def look_at(self, row: int) -> None:
        """Go to an image, unless a question waits for it."""
        if not self.explaining.choose(row):
            self.walk.go(row)

    def colours(self) -> dict[str, str]:
        """What can give the points their colour: title to what `choose_colour` takes."""
        choices = {"nothing": NOTHING}
        if self._clusters is not None:
            choices = {f"clusters · {self._clusters.title}": CLUSTERS, **choices}
        choices |= {f"labels · {scheme.id}": f"label:{scheme.id}" for scheme in self.shelf.schemes}
        for prediction in _ready(self.shelf.predictions):
            choices[f"prediction · {prediction.id}"] = f"prediction:{prediction.id}"
            choices[f"probability · {prediction.id}"] = f"probability:{prediction.id}"
        if self.images is not None:
            choices |= {column: f"column:{column}" for column in colourable_columns(self.images)}
        return choices

    def poll(self) -> None:
        """See what changed in the services; to be called every second."""
        self._tick += 1
        self.training.poll()
        if not self._started or self._polling or (not self.work.active and self._tick % _IDLE_TICKS):
            return
        if not self.projects:
            self.start()
            return
        self._polling = True
        project = self.project
        experiment = None if self.experiment is None else self.experiment.id
        look = self.work.look(project)

        def ask() -> tuple[tuple[OperationRow, ...], Shelf]:
            return look(), self.library.shelf(project, experiment)

        def answered(answer: tuple[tuple[OperationRow, ...], Shelf]) -> None:
            self._polling = False
            rows, shelf = answer
            self._back_online()
            if project != self.project:
                return
            # What is being opened wins over what was there when it was asked for.
            if not self.loading and experiment == (None if self.experiment is None else self.experiment.id):
                self._compare(shelf)
            self.work.seen(rows)

        def failed(error: LseError) -> None:
            self._polling = False
            self._failed(error)

        self.background(ask, answered, failed)

    def _open(
        self,
        experiment: str | None,
        *,
        newest: bool = False,
        projection: str | None = None,
        clustering: str | None = None,
        stay: bool = False,
        colour_by: str | None = None,
    ) -> None:
        self._ticket += 1
        ticket, project = self._ticket, self.project
        self.loading = True

        def ask() -> _Opened:
            shelf = self.library.shelf(project, experiment)
            if newest and shelf.experiment is None and (usable := _ready(shelf.experiments)):
                shelf = self.library.shelf(project, usable[-1].id)
            return self._gather(project, shelf, projection, clustering)

        def opened(found: _Opened) -> None:
            if ticket != self._ticket:
                return
            self._back_online()
            self._show(found, stay=stay, colour_by=colour_by)
            self.loading = False

        def failed(error: LseError) -> None:
            if ticket == self._ticket:
                self.loading = False
                self._failed(error)

        self.background(ask, opened, failed)

    def _gather(self, project: str, shelf: Shelf, projection: str | None, clustering: str | None) -> _Opened:
        """Fetch what the choices need; a name that is not there any more gives way to the newest, "" means none."""
        experiment, dataset = shelf.experiment, shelf.dataset
        if experiment is None or dataset is None or experiment.state != "ready":
            return _Opened(shelf, None, None, None, None, None)
        images = self.library.images(project, dataset)
        shown = _chosen(shelf.projections, projection)
        grouped = None if clustering == "" else _chosen(shelf.clusterings, clustering)
        cloud = None if shown is None else self.library.cloud(project, experiment, shown)
        clusters = (
            None if shown is None or grouped is None else self.library.clusters(project, experiment, grouped, shown)
        )
        return _Opened(shelf, images, shown, grouped, cloud, clusters)

    def _show(self, found: _Opened, *, stay: bool, colour_by: str | None) -> None:
        if self._clusters is not None and (found.clusters is None or found.clusters.title != self._clusters.title):
            self.space.forget(self._clusters.title)
        self._clusters = found.clusters
        if colour_by is None:
            colour_by = self.colour_by if stay else CLUSTERS
        if colour_by == CLUSTERS and found.clusters is None:
            colour_by = NOTHING
        colouring = self._colouring(colour_by, found.images, found.cloud, found.clusters)
        self.param.update(
            shelf=found.shelf,
            images=found.images,
            projection=found.projection,
            clustering=found.clustering,
            colour_by=colour_by,
            problem="",
        )
        self.space.enter(found.cloud, colouring, keep=stay)
        experiment, dataset = found.shelf.experiment, found.shelf.dataset
        if experiment is None or dataset is None or found.images is None:
            self.walk.enter(None)
        else:
            self.walk.enter(Place(self.project, experiment, dataset, found.clustering))
        if self._colours_asked_for(colour_by) is not None:
            self.choose_colour(colour_by)

    def _colours_asked_for(self, colour_by: str) -> Callable[[], Colouring] | None:
        """What fetches a colouring from the services; None where it is at hand, or its source is gone."""
        kind, _, name = colour_by.partition(":")
        project, experiment, dataset, cloud = self.project, self.experiment, self.shelf.dataset, self.space.cloud
        if experiment is None or dataset is None or cloud is None:
            return None
        if kind == "label":
            return lambda: self.library.labels(project, dataset, name, cloud)
        prediction = next((one for one in _ready(self.shelf.predictions) if one.id == name), None)
        if prediction is None or kind not in {"prediction", "probability"}:
            return None
        return lambda: self.library.predicted(project, experiment, prediction, cloud, probability=kind == "probability")

    def _colouring(
        self, colour_by: str, images: ImageTable | None, cloud: Cloud | None, clusters: Groups | None
    ) -> Colouring | None:
        kind, _, name = colour_by.partition(":")
        if kind == CLUSTERS:
            return clusters
        if kind == "column" and images is not None and cloud is not None and name in images.columns:
            return column_colouring(images, name, cloud.rows)
        return None

    def _compare(self, shelf: Shelf) -> None:
        """Take over lists that changed in the services, and open what has become ready or was deleted."""
        if shelf == self.shelf:
            return
        before, self.shelf = self.shelf, shelf
        if shelf.experiment is None:
            self._open(None, newest=True)
        elif (
            before.experiment is None
            or before.experiment.state != shelf.experiment.state
            or (self.projection is None and _ready(shelf.projections))
            or _gone(self.projection, shelf.projections)
            or _gone(self.clustering, shelf.clusterings)
        ):
            self._open(shelf.experiment.id)
        elif self.colour_by.startswith(PREDICTED) and self.colour_by not in self.colours().values():
            self.choose_colour(NOTHING)

    def _on_finished(self, event: param.parameterized.Event) -> None:
        """Show what this visitor asked for as soon as it is there."""
        row: OperationRow | None = event.new
        if row is None or row.state != "succeeded" or not self.work.started_here(row.name):
            return
        parent, _, target = row.target.rpartition("/")
        if row.made_experiment:
            # Its cloud shall be at hand when somebody opens it; PCA takes no time.
            self.work.run_projection(
                self.project, target, name=FIRST_PROJECTION, method="pca", components=2, settings={}
            )
            return
        if self.experiment is None or not parent.startswith(f"{self.experiment.name}/"):
            return
        if parent.endswith("/projections"):
            self.choose_projection(target)
        elif parent.endswith("/clusterings"):
            self.choose_clustering(target)
        elif parent.endswith("/predictions"):
            self._open(
                self.experiment.id,
                projection=None if self.projection is None else self.projection.id,
                clustering="" if self.clustering is None else self.clustering.id,
                stay=True,
                colour_by=f"prediction:{target}",
            )

    def _back_online(self) -> None:
        if not self.online:
            self.param.update(online=True, problem="")

    def _failed(self, error: LseError) -> None:
        away = isinstance(error, UnavailableError | UnauthenticatedError)
        self.param.update(problem=error.message, online=self.online and not away)


def _ready(resources: Iterable[MadeT]) -> list[MadeT]:
    """Those that can be shown, oldest first."""
    return sorted(
        (one for one in resources if one.state == "ready"),
        key=lambda one: one.create_time.timestamp() if one.create_time else 0.0,
    )


def _chosen(resources: Iterable[MadeT], wished: str | None) -> MadeT | None:
    """The ready one of a name, else the newest ready one, None where there is none."""
    ready = _ready(resources)
    return next((one for one in ready if one.id == wished), ready[-1] if ready else None)


def _gone(chosen: MadeT | None, resources: Iterable[MadeT]) -> bool:
    return chosen is not None and all(one.uid != chosen.uid for one in resources)
