"""All that one visitor has chosen: one session object per browser tab."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import param

from lse.client.resources import Method
from lse.errors import InvalidArgumentError, LseError, UnauthenticatedError, UnavailableError
from lse_dashboard.data.colour_choices import colour_groups
from lse_dashboard.data.colouring import Colouring, ColumnUse, on_scale
from lse_dashboard.data.computations import Computation, Kind
from lse_dashboard.data.gradient import Scale
from lse_dashboard.data.images import Rows
from lse_dashboard.data.labels import is_said, unsaid, without_predictions
from lse_dashboard.data.library import Library, ProjectContents
from lse_dashboard.data.opening import (
    CLUSTERS,
    NOTHING,
    Opened,
    Wanted,
    gone,
    named,
    opened,
    read_colouring,
    ready,
    titles_of,
    wanted_result,
)
from lse_dashboard.data.operations import OperationRow
from lse_dashboard.state.administration import Administration
from lse_dashboard.state.background import Background, Newest
from lse_dashboard.state.cluster_names import ClusterNames
from lse_dashboard.state.explanations import ExplanationQuestion
from lse_dashboard.state.filters import Filters
from lse_dashboard.state.gallery import Gallery
from lse_dashboard.state.labelling import Labelling
from lse_dashboard.state.navigation import Navigation, Place
from lse_dashboard.state.operations import Operations
from lse_dashboard.state.project_window import ProjectWindow
from lse_dashboard.state.remarks import Remarks
from lse_dashboard.state.review import Review
from lse_dashboard.state.scatter import Scatter
from lse_dashboard.state.second_map import SecondMap
from lse_dashboard.state.selecting import Selecting
from lse_dashboard.state.selection import Selection
from lse_dashboard.state.shown import Shown, Tab
from lse_dashboard.state.summary import Summary
from lse_dashboard.state.training_check import TrainingCheckQuestion
from lse_dashboard.state.training_monitor import TrainingMonitor

__all__ = ["Session", "Tab"]

_FIRST_PROJECTION = "pca-2d"
_IDLE_TICKS = 2


class Session(Shown):
    """The choices of one browser tab.

    Parameters
    ----------
    library
        Where everything comes from.
    background
        Runs what would make the page wait.
    project, first
        What to open first; the first project and its newest experiment where they are not given.
    """

    def __init__(
        self, library: Library, background: Background, *, project: str = "", first: Wanted | None = None
    ) -> None:
        super().__init__()
        self.library = library
        self.background = background
        self.selection = Selection()
        self.scatter = Scatter(self.selection)
        self.navigation = Navigation(library, background)
        self.second_map = SecondMap(library, background, self.scatter, self.navigation)
        self.gallery = Gallery(library, background, self.selection, self.navigation)
        self.filters = Filters(background, self.scatter, self._reading)
        self.selecting = Selecting(library, background, self.scatter, self.navigation)
        self.labelling = Labelling(library, background)
        self.remarks = Remarks(library, background)
        self.review = Review(library, background, self.labelling, self.remarks, self.navigation)
        self.summary = Summary(library, background, self.selection, self.navigation)
        self.operations = Operations(library, background)
        self.project_window = ProjectWindow(library, background, self.operations)
        self.administration = Administration(library, background)
        self.training_check = TrainingCheckQuestion(library, background)
        self.training_monitor = TrainingMonitor(library, background)
        self.explanation = ExplanationQuestion(library, background, self.navigation)
        self.cluster_names = ClusterNames(library, background, self.navigation)
        self._first = (project, first or Wanted(None, newest=True))
        self._opening, self._colouring, self._columns = (Newest(background) for _ in range(3))
        self._polling = self._started = False
        self._tick = 0
        self.operations.param.watch(self._on_finished, "finished")
        self.labelling.param.watch(lambda *_: self._on_said(f"label:{self.labelling.scheme_id}"), "labels")
        self.remarks.param.watch(lambda *_: self._on_said("remark:"), "of")
        self.param.watch(lambda *_: self.filters.refresh(), "clusters")
        self.cluster_names.param.watch(lambda *_: self._reopen(), "changed")

    def start(self) -> None:
        """Ask the services what there is and open what is to be opened first."""
        project, first = self._first
        self._started = self._polling = True

        def ask() -> tuple[tuple[str, ...], dict[Kind, tuple[Method, ...]]]:
            return self.library.projects(), self.library.methods()

        def answered(answer: tuple[tuple[str, ...], dict[Kind, tuple[Method, ...]]]) -> None:
            self._polling = False
            projects, self.operations.methods = answer
            if project and project not in projects:
                projects = (project, *projects)
            self.param.update(projects=projects, online=True, problem="")
            self.choose_project(project or projects[0], first)

        self.background(ask, answered, self._not_polled)

    def choose_project(self, project: str, wanted: Wanted | None = None) -> None:
        """Go to a project and open something there, the newest experiment where nothing is named."""
        self.project = project
        self.operations.leave()
        self.training_check.close()
        self.training_monitor.close()
        self._open(wanted or Wanted(None, newest=True))

    def choose_experiment(self, experiment: str) -> None:
        """Open an experiment."""
        self._open(Wanted(experiment))

    def choose_projection(self, projection: str) -> None:
        """Show another projection of the experiment."""
        self._reopen(projection=projection)

    def choose_clustering(self, clustering: str) -> None:
        """Colour by another clustering of the experiment, by none where the name is empty."""
        self._reopen(clustering=clustering, colour_by=CLUSTERS)

    def choose_colour(self, colour_by: str) -> None:
        """Colour the points by something else."""
        scale = self._scale_for(colour_by)
        self.colour_by = colour_by
        self.choose_scale(scale)

    def choose_scale(self, scale: Scale) -> None:
        """Have numbers become colours in another way, or say why they cannot."""
        read = self._reading(self.colour_by)

        def show(colouring: Colouring | None) -> None:
            self.param.update(scale=scale, scale_problem="")
            self.scatter.colour(colouring)

        self._colouring.ask(lambda: on_scale(read(), scale), show, self._failed)

    def type_scale(self, fields: Mapping[str, str]) -> None:
        """Choose a scale as it was typed; see `lse_dashboard.data.gradient.Scale.typed`."""
        try:
            self.choose_scale(Scale.typed(fields))
        except InvalidArgumentError as error:
            self._failed(error)

    def show_result(self, name: str) -> None:
        """Show a projection, a clustering or a prediction on the map, given its name; of any experiment."""
        wanted = wanted_result(name)
        if wanted.experiment != self.experiment_id:
            self._open(wanted)
        else:
            colour_by = None if wanted.projection else wanted.colour_by
            self._reopen(projection=wanted.projection, clustering=wanted.clustering, colour_by=colour_by)

    def look_at(self, row: int) -> None:
        """Go to an image, unless a question waits for it."""
        if not self.explanation.choose(row):
            self.navigation.go(row)

    def look_blind(self, *, blind: bool, anew: bool = True) -> None:
        """See no labels, remarks and predictions of others while labelling, or all of them again."""
        self.review.leave()
        self.labelling.look_blind(blind=blind)
        self.remarks.look_blind(blind=blind)
        self.filters.refresh()
        if anew:
            self._reopen()

    def _seen(self, contents: ProjectContents) -> ProjectContents:
        return without_predictions(contents) if self.labelling.blind else contents

    def fold(self, side: str) -> None:
        """Fold the ``left`` or the ``right`` column away, or open it."""
        name = f"{side}_open"
        self.param.update(**{name: not getattr(self, name)})

    def label_rows(self) -> Rows:
        """Rows that a class would be given to: what is reviewed, what is selected, or the image in view."""
        row = self.navigation.row
        if self.aside == "review":
            row = None if self.review.item is None else self.review.item.row
        elif self.aside == "selection" and len(self.selection.rows):
            return self.selection.rows
        return np.array([] if row is None else [row], dtype=np.int64)

    def label(self, label: str) -> None:
        """Give a class to `label_rows`; an empty one takes their labels away."""
        if self.aside == "review" and label:
            self.review.label(label)
        else:
            self.labelling.give(label, self.label_rows())

    def colour_groups(self) -> dict[str, dict[str, str]]:
        """What can give the points their colour, by where it comes from: title to what `choose_colour` takes."""
        clustered = self.clusters is not None
        found = colour_groups(self.contents, self.projection, self.columns, clustered=clustered, now=self.colour_by)
        return unsaid(found) if self.labelling.blind else found

    def colours(self) -> set[str]:
        """What `choose_colour` takes."""
        return {value for choices in self.colour_groups().values() for value in choices.values()}

    def poll(self) -> None:
        """See what changed in the services; to be called every second."""
        self._tick += 1
        self.training_monitor.poll()
        self.project_window.bake_off.poll()
        self.administration.poll()
        if not self._started or self._polling or (not self.operations.active and self._tick % _IDLE_TICKS):
            return
        if not self.projects:
            self.start()
            return
        self._polling = True
        project, experiment = self.project, self.experiment.id if self.experiment else None
        look = self.operations.look(project)

        def ask() -> tuple[tuple[OperationRow, ...], ProjectContents]:
            return look(), self.library.contents(project, experiment)

        def answered(answer: tuple[tuple[OperationRow, ...], ProjectContents]) -> None:
            self._polling = False
            rows, contents = answer
            self._back_online()
            if project != self.project:
                return
            # What is being opened wins over what was there when it was asked for.
            if not self.loading and experiment == (self.experiment.id if self.experiment else None):
                self._compare(contents)
            self.operations.seen(rows)

        self.background(ask, answered, self._not_polled)

    def _reopen(
        self, *, projection: str | None = None, clustering: str | None = None, colour_by: str | None = None
    ) -> None:
        """Show something else of the open experiment; what is not given stays."""
        if self.experiment is None:
            return
        if projection is None:
            projection = self.projection.id if self.projection else None
        if clustering is None:
            clustering = self.clustering.id if self.clustering else ""
        colour_by = colour_by or self.colour_by
        scale = self._scale_for(colour_by)
        self._open(Wanted(self.experiment.id, projection, clustering, colour_by, scale, stay=True))

    def _open(self, wanted: Wanted) -> None:
        project = self.project
        self.loading = True
        if wanted.view is not None and wanted.view.blind != self.labelling.blind:
            self.look_blind(blind=wanted.view.blind, anew=False)
        if self.labelling.blind and is_said(wanted.colour_by):
            wanted = replace(wanted, colour_by=CLUSTERS)

        def show(found: Opened) -> None:
            self._back_online()
            try:
                self._show(found, stay=wanted.stay)
            finally:
                # While it loads, nothing that changes is looked at: an error here must not leave it so.
                self.loading = False

        def failed(error: LseError) -> None:
            self.loading = False
            self._failed(error)

        self._colouring.drop()
        self._opening.ask(lambda: opened(self.library, project, wanted), show, failed)

    def _show(self, found: Opened, *, stay: bool) -> None:
        before, experiment, dataset = self.clusters, found.contents.experiment, found.contents.dataset
        if before is not None and (found.clusters is None or found.clusters.title != before.title):
            self.scatter.forget(before.title)
        known = dataset is not None and self.contents.dataset is not None and dataset.uid == self.contents.dataset.uid
        self.param.update(
            contents=self._seen(found.contents),
            images=found.images,
            columns=self.columns if known else {},
            projection=found.projection,
            clustering=found.clustering,
            clusters=found.clusters,
            colour_by=found.colour_by,
            scale=found.scale,
            scale_problem="",
            problem="",
            view=found.view or self.view,
        )
        if dataset is not None:
            self.selection.enter(dataset.uid)
        self.scatter.enter(found.cloud, found.colouring, keep=stay)
        self._tell_summary()
        if experiment is None or dataset is None or found.images is None:
            self.navigation.enter(None)
            return
        self.navigation.enter(Place(self.project, experiment, dataset, found.clustering))
        project = self.project
        self.labelling.enter(project, dataset, found.contents.schemes)
        self.remarks.enter(project, dataset)
        self.selecting.read()
        self._columns.ask(lambda: self.library.column_uses(project, dataset), self._show_columns, self._failed)

    def _show_columns(self, columns: dict[str, ColumnUse]) -> None:
        if columns != self.columns:
            self.columns = columns
            self._tell_summary()

    def _tell_summary(self) -> None:
        cloud, clusters = self.scatter.cloud, self.clusters
        self.summary.know(self.columns, None if cloud is None or clusters is None else (cloud, clusters))

    def _compare(self, contents: ProjectContents) -> None:
        """Take over lists that changed in the services, and open what has become ready or was deleted."""
        self.labelling.notice(contents.schemes)
        contents = self._seen(contents)
        if contents == self.contents:
            return
        before, self.contents = self.contents, contents
        if self.labelling.scheme is None and contents.schemes:
            self.labelling.use(contents.schemes[0])
        if contents.experiment is None:
            self._open(Wanted(None, newest=True))
        elif (
            before.experiment is None
            or before.experiment.state != contents.experiment.state
            or (self.projection is None and ready(contents.projections))
            or gone(self.projection, contents.projections)
            or gone(self.clustering, contents.clusterings)
        ):
            self._open(Wanted(contents.experiment.id))
        elif self.clustering is not None and titles_of(self.clustering) != titles_of(
            named(contents.clusterings, self.clustering.id)
        ):
            self._reopen()
        elif not self.colour_by.startswith("column:") and self.colour_by not in self.colours():
            self.choose_colour(NOTHING)

    def _on_finished(self, event: param.parameterized.Event) -> None:
        """Give a new experiment a first map; what else is made waits until the visitor wants to see it."""
        row: OperationRow | None = event.new
        if row is not None and row.made_experiment and self.operations.started_here(row.name):
            # PCA takes no time: the experiment opens with a plot.
            first = Computation("projection", _FIRST_PROJECTION, row.target_id, method="pca", parameters={})
            self.operations.run(self.project, first)

    def _reading(self, colour_by: str) -> Callable[[], Colouring | None]:
        project = self.project
        if self.labelling.blind and is_said(colour_by):
            return lambda: None
        shown = Opened(self.contents, projection=self.projection, cloud=self.scatter.cloud, clusters=self.clusters)
        return lambda: read_colouring(self.library, project, shown, colour_by)

    def _scale_for(self, colour_by: str) -> Scale:
        return self.scale if colour_by == self.colour_by else self.scale.for_others()

    def _on_said(self, kind: str) -> None:
        """Colours and filters that show what experts say follow it."""
        if any(key.startswith(kind) for key in self.filters.charts):
            self.filters.refresh()
        if self.colour_by.startswith(kind):
            self.choose_colour(self.colour_by)

    def _back_online(self) -> None:
        if not self.online:
            self.param.update(online=True, problem="")

    def _not_polled(self, error: LseError) -> None:
        self._polling = False
        self._failed(error)

    def _failed(self, error: LseError) -> None:
        if error.reason == "COLOUR_SCALE_INVALID":
            self.scale_problem = error.message
            return
        away = isinstance(error, UnavailableError | UnauthenticatedError)
        self.param.update(problem=error.message, online=self.online and not away)
