"""The labels that one visitor gives, and the way back."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import param

from lse.client.resources import Dataset, LabelScheme
from lse_dashboard import wording
from lse_dashboard.data.images import Rows
from lse_dashboard.data.library import Library
from lse_dashboard.state.background import Background
from lse_dashboard.state.statements import Statements

__all__ = ["Given", "Labelling", "Labels"]

_WORDS = wording.Labelling


@dataclass(frozen=True)
class Given:
    """A label of an image: the class, who gave it, and when."""

    label: str
    author: str
    time: datetime | None


@dataclass(frozen=True)
class Labels:
    """All labels of a dataset in a scheme.

    Attributes
    ----------
    of
        Label of each labelled row.
    counts
        Images of each class.
    """

    of: dict[int, Given] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, eq=False)
class Change:
    """What was given to which rows, and the labels that they had before; empty for none."""

    label: str
    before: dict[str, Rows]


class Labelling(Statements):
    """Classes of a scheme, given to images."""

    scheme: param.Parameter[LabelScheme | None] = param.Parameter(None, doc="Scheme in use.")
    labels: param.Parameter[Labels] = param.Parameter(Labels(), doc="Labels that images have in it.")

    def __init__(self, library: Library, background: Background) -> None:
        super().__init__(library, background)
        self._done: list[Change] = []

    @property
    def can_undo(self) -> bool:
        """Whether a label that was given here can be taken back."""
        return bool(self._done)

    def enter(self, project: str, dataset: Dataset, schemes: tuple[LabelScheme, ...]) -> None:
        """Go to a dataset; the scheme stays where the project has it, else it is the first one."""
        known = self.scheme is not None and self._dataset is not None and self._dataset.uid == dataset.uid
        chosen = next((one for one in schemes if self.scheme is not None and one.name == self.scheme.name), None)
        self._project, self._dataset = project, dataset
        if not known or chosen is None:
            self._done = []
        self.use(chosen or next(iter(schemes), None))

    @property
    def scheme_id(self) -> str:
        """Name of the scheme in use, empty where there is none."""
        return "" if self.scheme is None else self.scheme.id

    def use(self, scheme: LabelScheme | None) -> None:
        """Label by another scheme."""
        if scheme is None or self.scheme is None or scheme.name != self.scheme.name:
            self._done = []
            self.param.update(scheme=scheme, labels=Labels(), said="", failed=False)
        else:
            self.scheme = scheme
        self.read()

    def read(self) -> None:
        """Read the labels anew: other people label too."""
        scheme, dataset, project = self.scheme, self._dataset, self._project
        if scheme is not None and dataset is not None:
            self._reading.ask(lambda: self._labels(project, scheme, dataset), self._show, self._refused)

    def create(self, name: str, classes: list[str]) -> None:
        """Make a scheme and use it."""
        client = self._library.client(self._project)
        self._background(
            lambda: client.label_schemes.create(name, classes=classes),
            lambda scheme: self._changed(scheme, _WORDS.CREATED.format(name=scheme.id)),
            self._refused,
        )

    def edit(self, classes: Mapping[str, str]) -> None:
        """Change the classes of the scheme, and what they mean; one that images have cannot go."""
        scheme = self.scheme
        if scheme is None:
            return
        client = self._library.client(self._project)
        self._background(
            lambda: client.label_schemes.update(
                scheme.id, classes=classes, class_definitions=classes, etag=scheme.etag
            ),
            lambda changed: self._changed(changed, _WORDS.EDITED.format(name=changed.id)),
            self._refused,
        )

    def give(self, label: str, rows: Rows, then: Callable[[], None] | None = None) -> None:
        """Give images a class, which joins the scheme where it is new; an empty one takes their labels away."""
        scheme, dataset, project = self.scheme, self._dataset, self._project
        if scheme is None or dataset is None or len(rows) == 0:
            return
        before: defaultdict[str, list[int]] = defaultdict(list)
        for row in rows.tolist():
            given = self.labels.of.get(row)
            before["" if given is None else given.label].append(row)

        def write() -> tuple[LabelScheme, Labels, int]:
            client, used = self._library.client(project), scheme
            if label and label not in scheme.classes:
                used = client.label_schemes.update(scheme.id, classes=[*scheme.classes, label], etag=scheme.etag)
            changed = client.labels.set(scheme.id, dataset=dataset.id, rows=rows, label=label)
            return used, self._labels(project, used, dataset), changed

        def written(result: tuple[LabelScheme, Labels, int]) -> None:
            used, labels, count = result
            kept = {was: np.array(those, dtype=np.int64) for was, those in before.items() if was != label}
            if kept:
                self._done.append(Change(label, kept))
            said = (_WORDS.GIVEN if label else _WORDS.TAKEN).format(count=count, label=label)
            self.param.update(scheme=used, labels=labels, said=said, failed=False)
            if then is not None:
                then()

        self._background(write, written, self._refused)

    def undo(self) -> None:
        """Give the images that were labelled last the labels that they had before."""
        scheme, dataset, project = self.scheme, self._dataset, self._project
        if not self._done or scheme is None or dataset is None:
            return
        change = self._done.pop()

        def write() -> Labels:
            client = self._library.client(project)
            for label, rows in change.before.items():
                client.labels.set(scheme.id, dataset=dataset.id, rows=rows, label=label)
            return self._labels(project, scheme, dataset)

        def written(labels: Labels) -> None:
            count = sum(len(rows) for rows in change.before.values())
            said = _WORDS.UNDONE.format(count=count, label=change.label or _WORDS.NO_LABEL)
            self.param.update(labels=labels, said=said, failed=False)

        self._background(write, written, self._refused)

    def _labels(self, project: str, scheme: LabelScheme, dataset: Dataset) -> Labels:
        table = self._library.client(project).labels.table(
            scheme.id, dataset=dataset.id, columns=["label", "author", "time"]
        )
        columns = (table[name].to_pylist() for name in ("row", "label", "author", "time"))
        of = {row: Given(label, author, time) for row, label, author, time in zip(*columns, strict=True)}
        return Labels(of, Counter(given.label for given in of.values()))

    def _show(self, labels: Labels) -> None:
        if labels != self.labels:
            self.labels = labels

    def _changed(self, scheme: LabelScheme, said: str) -> None:
        self.use(scheme)
        self.param.update(said=said, failed=False)
