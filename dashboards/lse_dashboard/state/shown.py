"""What one browser tab shows: the open project, experiment and map, and how they are looked at."""

from __future__ import annotations

from typing import Literal

import param

from lse.client.resources import Clustering, Experiment, Prediction, Projection
from lse_dashboard.data.colouring import ColumnUse, Groups
from lse_dashboard.data.gradient import USUAL, Scale
from lse_dashboard.data.images import PREPARATION_COLUMNS, ImageIndex
from lse_dashboard.data.library import ProjectContents
from lse_dashboard.data.link import Link
from lse_dashboard.data.opening import NOTHING, named
from lse_dashboard.theme import DARK, Theme

__all__ = ["Shown", "Tab"]

Tab = Literal["image", "selection", "filters", "review"]


class Shown(param.Parameterized):
    """What one browser tab shows."""

    projects: param.Parameter[tuple[str, ...]] = param.Parameter((), doc="Projects to choose from.")
    project = param.String("", doc="Chosen project.")
    contents: param.Parameter[ProjectContents] = param.Parameter(
        ProjectContents(), doc="What the project and the chosen experiment hold."
    )
    images: param.Parameter[ImageIndex | None] = param.Parameter(None, doc="Images of the chosen experiment.")
    columns: param.Parameter[dict[str, ColumnUse]] = param.Parameter(
        {}, doc="Metadata columns that can colour the points, and how; empty until it is known."
    )
    projection: param.Parameter[Projection | None] = param.Parameter(None, doc="Chosen projection.")
    clustering: param.Parameter[Clustering | None] = param.Parameter(None, doc="Chosen clustering.")
    clusters: param.Parameter[Groups | None] = param.Parameter(None, doc="Cluster of each point.")
    colour_by = param.String(
        NOTHING,
        doc="`nothing`, `clusters`, or `KIND:NAME` of a `column`, `label`, `prediction`, `probability` or `remark`.",
    )
    scale: param.Parameter[Scale] = param.Parameter(USUAL, doc="How numbers become colours.")
    scale_problem = param.String("", doc="Why another scale was refused.")
    view: param.Parameter[Link | None] = param.Parameter(None, doc="Link that is being opened.")
    theme: param.Parameter[Theme] = param.Parameter(DARK, doc="Colours of the page.")
    problem = param.String("", doc="One sentence about what is wrong now.")
    aside: param.Parameter[Tab] = param.Parameter("image", doc="What the right column shows.")
    left_open = param.Boolean(True, doc="Whether the left column is open.")
    right_open = param.Boolean(True, doc="Whether the right column is open.")
    online = param.Boolean(False, doc="Whether the services answer.")
    loading = param.Boolean(False, doc="Whether an experiment is being opened.")

    @property
    def experiment(self) -> Experiment | None:
        """Chosen experiment."""
        return self.contents.experiment

    @property
    def experiment_id(self) -> str:
        """Its name, empty where none is chosen."""
        return "" if self.experiment is None else self.experiment.id

    @property
    def prediction(self) -> Prediction | None:
        """Prediction that gives the points their colour."""
        kind, _, name = self.colour_by.partition(":")
        return named(self.contents.predictions, name) if kind in {"prediction", "probability"} else None

    @property
    def class_columns(self) -> tuple[str, ...]:
        """Columns whose values can be classes to learn from."""
        return tuple(name for name, use in self.columns.items() if use == "groups" and name not in PREPARATION_COLUMNS)
