"""What a project holds, and what goes with each of its resources when that is deleted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lse.client import Client
from lse.client.resources import Dataset, Encoder, Experiment, NamedResource, Selection
from lse_dashboard import wording

__all__ = ["Entry", "ProjectInventory", "delete_entry", "project_inventory"]

_WORDS = wording.Project
# A Python package ships its weights, so that nothing is fetched.
_PACKAGED = "package:efficientnet_lite0"


@dataclass(frozen=True)
class Entry:
    """A resource of a project.

    Attributes
    ----------
    kind
        ``dataset``, ``encoder``, ``experiment``, ``projection``, ``clustering`` or ``prediction``.
    id
        Its name.
    state
        ``creating``, ``ready`` or ``failed``.
    facts
        What it is, in a few words.
    below
        What is deleted with it, such as ``encoder first``.
    experiment
        Experiment that it belongs to; empty where it belongs to none.
    """

    kind: str
    id: str
    state: str
    facts: str
    below: tuple[str, ...] = ()
    experiment: str = ""

    @property
    def key(self) -> str:
        """What tells it from all others of its project."""
        return f"{self.kind} {self.id}"


@dataclass(frozen=True)
class ProjectInventory:
    """All that a project holds; of the results of experiments those of one.

    Attributes
    ----------
    entries
        Datasets, encoders, experiments, and what the open experiment has.
    backbones
        Networks that can be had with pretrained weights.
    methods
        Training methods.
    administered
        Whether the visitor administers the project, or the whole installation.
    """

    entries: tuple[Entry, ...] = ()
    backbones: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    administered: bool = False

    def of(self, kind: str) -> tuple[Entry, ...]:
        """Those of a kind."""
        return tuple(one for one in self.entries if one.kind == kind)

    def find(self, key: str) -> Entry | None:
        """The one of a key."""
        return next((one for one in self.entries if one.key == key), None)


def project_inventory(client: Client, experiment: str) -> ProjectInventory:
    """List a project, and the results of one of its experiments, of none where that is empty."""
    datasets, encoders = client.datasets.list(), client.encoders.list()
    experiments, selections = client.experiments.list(), client.selections.list()
    entries = [_dataset(one, encoders, experiments, selections) for one in datasets]
    entries += [_encoder(one, experiments) for one in encoders]
    entries += [
        Entry("experiment", one.id, one.state, _WORDS.VECTORS.format(count=one.images), _WORDS.BELOW_EXPERIMENT)
        for one in experiments
    ]
    if experiment in {one.id for one in experiments}:
        for kind in ("projection", "clustering", "prediction"):
            found = getattr(client, f"{kind}s").list(experiment)
            entries += [Entry(kind, one.id, one.state, one.method, experiment=experiment) for one in found]
    backbones = (_PACKAGED, *(one.id for one in client.encoders.backbones() if one.pretrained))
    methods = tuple(one.id for one in client.encoders.methods())
    return ProjectInventory(tuple(entries), backbones, methods, client.access.caller_in_project().administers)


def delete_entry(client: Client, entry: Entry) -> None:
    """Delete a resource with all that was made of it.

    Raises
    ------
    LseError
        It, or what was made of it, is being made or is in use.
    """
    collection = getattr(client, f"{entry.kind}s")
    if entry.experiment:
        collection.delete(entry.experiment, entry.id)
    elif entry.kind == "experiment":
        collection.delete(entry.id)
    else:
        collection.delete(entry.id, force=True)


def _dataset(
    dataset: Dataset, encoders: Sequence[Encoder], experiments: Sequence[Experiment], selections: Sequence[Selection]
) -> Entry:
    learnt = {one.name: one for one in encoders if one.dataset == dataset.name}
    seen = [one for one in experiments if one.dataset == dataset.name or one.encoder in learnt]
    chosen = [one for one in selections if one.dataset == dataset.name]
    below = (*_named("encoder", learnt.values()), *_named("experiment", seen), *_named("selection", chosen))
    return Entry("dataset", dataset.id, dataset.state, _WORDS.IMAGES.format(count=dataset.prepared), below)


def _encoder(encoder: Encoder, experiments: Sequence[Experiment]) -> Entry:
    seen = [one for one in experiments if one.encoder == encoder.name]
    return Entry("encoder", encoder.id, encoder.state, encoder.method, _named("experiment", seen))


def _named(kind: str, resources: Iterable[NamedResource]) -> tuple[str, ...]:
    return tuple(f"{kind} {one.id}" for one in resources)
