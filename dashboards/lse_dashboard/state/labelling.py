"""The labels that one visitor gives, and the way back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import param

from lse.client.resources import Dataset, ExpertAgreement, LabelScheme
from lse_dashboard import wording
from lse_dashboard.data.images import Rows
from lse_dashboard.data.labels import Labels, labels_of
from lse_dashboard.data.library import Library
from lse_dashboard.state.background import Background
from lse_dashboard.state.statements import Statements

__all__ = ["Labelling"]

_WORDS = wording.Labelling


@dataclass(frozen=True, eq=False)
class Change:
    """What was given to which rows, and the labels that they had before; empty for none."""

    label: str
    before: dict[str, Rows]


class Labelling(Statements):
    """Classes of a scheme, given to images."""

    scheme: param.Parameter[LabelScheme | None] = param.Parameter(None, doc="Scheme in use.")
    labels: param.Parameter[Labels] = param.Parameter(Labels(), doc="Labels that images have in it.")
    blind = param.Boolean(False, doc="Whether the visitor labels unaware of what others and predictions say.")
    agreement: param.Parameter[ExpertAgreement | None] = param.Parameter(
        None, doc="How far experts agree, where the visitor asked."
    )

    def __init__(self, library: Library, background: Background) -> None:
        super().__init__(library, background)
        self._done: list[Change] = []
        self._version = ""

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

    def notice(self, schemes: Iterable[LabelScheme]) -> None:
        """See whether others labelled images meanwhile."""
        version = next((one.labels_version for one in schemes if one.id == self.scheme_id), self._version)
        if version != self._version:
            self._version = version
            self.read()

    @property
    def scheme_id(self) -> str:
        """Name of the scheme in use, empty where there is none."""
        return "" if self.scheme is None else self.scheme.id

    def use(self, scheme: LabelScheme | None) -> None:
        """Label by another scheme."""
        if scheme is None or self.scheme is None or scheme.name != self.scheme.name:
            self._done = []
            self.param.update(scheme=scheme, labels=Labels(), agreement=None, said="", failed=False)
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
        if self.blind and not label:
            rows = np.array([row for row in rows.tolist() if row in self.labels.own], dtype=np.int64)
        for row in rows.tolist():
            before[self._before(label, row)].append(row)
        if not before:
            return

        def write() -> tuple[LabelScheme, Labels, int]:
            client, used = self._library.client(project), scheme
            if label and label not in scheme.classes:
                used = client.label_schemes.update(scheme.id, classes=[*scheme.classes, label], etag=scheme.etag)
            changed = client.labels.set(scheme.id, dataset=dataset.id, rows=rows, label=label)
            return used, self._labels(project, used, dataset), changed

        def written(result: tuple[LabelScheme, Labels, int]) -> None:
            used, labels, count = result
            kept = {was: np.array(those, dtype=np.int64) for was, those in before.items() if was != label}
            if self.blind:
                count = sum(len(some) for some in kept.values())  # how many changed would say what others said
            if kept:
                self._done.append(Change(label, kept))
            said = (_WORDS.GIVEN if label else _WORDS.TAKEN).format(count=count, label=label)
            self.param.update(scheme=used, labels=labels, said=said, failed=False)
            if then is not None:
                then()

        self._background(write, written, self._refused)

    def _before(self, label: str, row: int) -> str:
        """What takes a label of a row back: the visitor's own one, or that of others which they took away."""
        own, given = self.labels.own.get(row, ""), self.labels.of.get(row)
        return own if own or label or given is None else given.label

    def look_blind(self, *, blind: bool) -> None:
        """See only what one said oneself, or all again."""
        self.param.update(blind=blind, labels=Labels(), agreement=None)
        self._done = []
        self.read()

    def compare_experts(self) -> None:
        """Ask how far experts agree; a second time, ask no longer."""
        scheme, dataset, project = self.scheme, self._dataset, self._project
        if self.agreement is not None or scheme is None or dataset is None or self.blind:
            self.agreement = None
            return

        def show(found: ExpertAgreement) -> None:
            self.agreement = found

        self._background(
            lambda: self._library.client(project).labels.agreement(scheme.id, dataset=dataset.id), show, self._refused
        )

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
        return labels_of(self._library.client(project), scheme.id, dataset.id, blind=self.blind)

    def _show(self, labels: Labels) -> None:
        if labels != self.labels:
            self.labels = labels

    def _changed(self, scheme: LabelScheme, said: str) -> None:
        self.use(scheme)
        self.param.update(said=said, failed=False)
