"""The window in which one visitor puts a project in order: what there is, new experiments and encoders, deleting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import param

from lse.client import Operation
from lse.client.resources import TrainingEstimate
from lse.errors import InvalidArgumentError, LseError, ResourceExhaustedError
from lse_dashboard import wording
from lse_dashboard.data.dataset_details import DatasetDetails, dataset_details
from lse_dashboard.data.library import Library
from lse_dashboard.data.project import ProjectInventory, delete_entry, project_inventory
from lse_dashboard.state.background import Background, Newest
from lse_dashboard.state.comparison_of_encoders import EncoderBakeOff
from lse_dashboard.state.operations import Operations

__all__ = ["ProjectWindow"]


class ProjectWindow(param.Parameterized):
    """What a project holds.

    Parameters
    ----------
    library
        Where it is read and changed.
    background
        Runs what waits for the services.
    operations
        Where long work is started.
    """

    project = param.String("", doc="Project in the window, empty while it is shut.")
    inventory: param.Parameter[ProjectInventory | None] = param.Parameter(None, doc="None until it is read.")
    asked = param.String("", doc="Key of what is to be deleted, until the visitor confirms it.")
    said = param.String("", doc="What was done last.")
    problem = param.String("", doc="Why something was refused.")
    looked_into = param.String("", doc="Dataset whose details are shown, empty where those of none are.")
    details: param.Parameter[DatasetDetails | None] = param.Parameter(None, doc="None until they are read.")

    def __init__(self, library: Library, background: Background, operations: Operations) -> None:
        super().__init__()
        self._library = library
        self._background = background
        self._operations = operations
        self._reading, self._looking = Newest(background), Newest(background)
        self.bake_off = EncoderBakeOff(library, background)
        self._experiment = ""
        operations.param.watch(lambda *_: self._read(), "finished")
        operations.param.watch(self._on_refused, "problem")

    def open(self, project: str, experiment: str) -> None:
        """Open the window on a project; of its experiments the results of one are listed."""
        self._experiment = experiment
        self.param.update(project=project, inventory=None, asked="", said="", problem="", looked_into="", details=None)
        self._read()

    def close(self) -> None:
        """Shut it."""
        self._reading.drop()
        self._looking.drop()
        self.project = ""

    def ask(self, key: str) -> None:
        """Ask whether something is to be deleted; nothing where the key is empty."""
        self.param.update(asked=key, said="", problem="")

    def delete(self) -> None:
        """Delete what was asked about, with all that was made of it."""
        entry = None if self.inventory is None else self.inventory.find(self.asked)
        if entry is None:
            return
        client = self._library.client(self.project)

        def deleted(_: None) -> None:
            self.param.update(asked="", said=wording.Project.DELETED.format(what=entry.key), problem="")
            self._read()

        self._background(lambda: delete_entry(client, entry), deleted, self._failed)

    def look_into(self, dataset: str) -> None:
        """Show the details of a dataset; hide them where they are shown."""
        if dataset == self.looked_into:
            self._looking.drop()
            self.param.update(looked_into="", details=None)
            return
        client, experiment = self._library.client(self.project), self._experiment
        self.param.update(looked_into=dataset, details=None, problem="")
        self._looking.ask(lambda: dataset_details(client, dataset, experiment), self._show_details, self._failed)

    def _show_details(self, details: DatasetDetails) -> None:
        self.details = details

    def encode(self, *, name: str, dataset: str, encoder: str) -> None:
        """Make an experiment: the images of a dataset through an encoder."""
        client = self._library.client(self.project)
        self._start(name, lambda: client.experiments.encode(name, dataset=dataset, encoder=encoder))

    def pretrained(self, *, name: str, dataset: str, backbone: str, training: str) -> None:
        """Make an encoder of a pretrained network, for the images of a dataset.

        Where its training is to go on with them, how long that takes is said first.
        """
        encoders = self._library.client(self.project).encoders
        if training != wording.Project.ADAPT:
            self._start(name, lambda: encoders.pretrained(name, backbone, dataset=dataset))
        else:
            self._learn(
                name,
                lambda: encoders.estimate(dataset=dataset, method="pretrained", parameters={"backbone": backbone}),
                lambda: encoders.pretrained(name, backbone, dataset=dataset, adapt=True),
            )

    def train(self, *, name: str, dataset: str, method: str, epochs: str) -> None:
        """Train an encoder on a dataset, also where there is no experiment yet; how long it takes is said first."""
        encoders = self._library.client(self.project).encoders
        how: dict[str, Any] = {"dataset": dataset, "method": method}
        how["parameters"] = {"epochs": epochs.strip()} if epochs.strip() else {}
        self._learn(name, lambda: encoders.estimate(**how), lambda: encoders.train(name, **how))

    def _learn(self, name: str, estimate: Callable[[], TrainingEstimate], ask: Callable[[], Operation[Any]]) -> None:
        """Start a training that fits, and say how long it takes."""

        def estimated(found: TrainingEstimate) -> None:
            if not found.fits:
                self._failed(ResourceExhaustedError(found.notes[0], reason="TRAINING_TOO_LARGE"))
            elif self._start(name, ask):
                self.said += wording.Project.TAKES.format(minutes=found.minutes)

        if not name.strip():
            self._failed(InvalidArgumentError(wording.Compute.UNNAMED, reason="NAME_INVALID"))
            return
        self.param.update(said=wording.Project.ESTIMATING, problem="")
        self._background(estimate, estimated, self._failed)

    def compare(self, *, dataset: str, **chosen: str) -> None:
        """Compare encoders; what is chosen are ``encoder NAME`` and ``method NAME``."""
        encoders, methods = (
            [key.removeprefix(kind) for key in chosen if key.startswith(kind)] for kind in ("encoder ", "method ")
        )
        self.bake_off.start(self.project, dataset, encoders=encoders, methods=methods)

    def _start(self, name: str, ask: Callable[[], Operation[Any]]) -> bool:
        if not name.strip():
            self.param.update(said="", problem=wording.Compute.UNNAMED)
            return False
        self.param.update(said=wording.Project.STARTED.format(name=name), problem="")
        self._operations.ask(ask)
        return True

    def _read(self) -> None:
        if self.project:
            client, experiment = self._library.client(self.project), self._experiment
            self._reading.ask(lambda: project_inventory(client, experiment), self._show, self._failed)

    def _show(self, inventory: ProjectInventory) -> None:
        self.inventory = inventory

    def _on_refused(self, event: param.parameterized.Event) -> None:
        if self.project and event.new:
            self.param.update(said="", problem=event.new)

    def _failed(self, error: LseError) -> None:
        self.param.update(said="", problem=error.message)
