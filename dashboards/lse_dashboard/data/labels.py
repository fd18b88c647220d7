"""The labels of a dataset as the explorer reads them: all of them, or what one expert said alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from lse.client import Client
from lse_dashboard.data.library import ProjectContents

__all__ = ["Given", "Labels", "is_said", "labels_of", "unsaid", "without_predictions"]

# What colours, charts and reviews take from other people.
_SAID = frozenset({"label", "remark", "prediction", "probability"})


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
        Label of each labelled row, the newest; of the visitor alone where that is all there is to see.
    counts
        Images of each class.
    own
        What the visitor said of each row.
    each
        What every expert said, of the rows that several labelled; empty where only the visitor's own labels are seen.
    unseen
        Rows that others labelled and the visitor did not.
    """

    of: dict[int, Given] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    own: dict[int, str] = field(default_factory=dict)
    each: dict[int, tuple[Given, ...]] = field(default_factory=dict)
    unseen: frozenset[int] = frozenset()


def labels_of(client: Client, scheme: str, dataset: str, *, blind: bool) -> Labels:
    """Read the labels of a dataset.

    Parameters
    ----------
    client, scheme, dataset
        Where they are.
    blind
        Whether the visitor sees only what they said themselves.
    """
    me = client.access.caller().name
    table = client.labels.table(scheme, dataset=dataset, columns=["label", "author", "time"], each_expert=True)
    said: dict[int, list[Given]] = {}
    columns = (table[name].to_pylist() for name in ("row", "label", "author", "time"))
    for row, label, author, time in zip(*columns, strict=True):
        said.setdefault(row, []).append(Given(label, author, time))
    mine = {row: one for row, every in said.items() for one in every if one.author == me}
    newest = {row: max(every, key=lambda one: one.time.timestamp() if one.time else 0) for row, every in said.items()}
    of = mine if blind else newest
    return Labels(
        of=of,
        counts=Counter(one.label for one in of.values()),
        own={row: one.label for row, one in mine.items()},
        each={} if blind else {row: tuple(every) for row, every in said.items() if len(every) > 1},
        unseen=frozenset(said.keys() - mine.keys()),
    )


def is_said(colour_by: str) -> bool:
    """Whether colours show what people or predictions say."""
    return colour_by.partition(":")[0] in _SAID


def unsaid(choices: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Colours by where they come from, without those that show what people or predictions say."""
    left = {title: {name: one for name, one in some.items() if not is_said(one)} for title, some in choices.items()}
    return {title: some for title, some in left.items() if some}


def without_predictions(contents: ProjectContents) -> ProjectContents:
    """A project as somebody sees it who labels unaware of what others say."""
    return replace(contents, predictions=())
