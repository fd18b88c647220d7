"""Annotation: label schemes, labels, remarks, selections, bookmarks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from latentspace.annotation.v1 import annotation_pb2 as pb
from lse.client.collection import ProjectCollection
from lse.client.requests import rows_message
from lse.client.resources import Bookmark, ExpertAgreement, LabelScheme, Selection, Suggestion
from lse.client.subject import Subject
from lse.names import DATASET, EXPERIMENT, LABEL_SCHEME

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Bookmarks", "LabelSchemes", "Labels", "Remarks", "Selections"]


class LabelSchemes(ProjectCollection[LabelScheme]):
    """The label schemes of a project."""

    def create(
        self,
        name: str,
        *,
        title: str = "",
        description: str = "",
        classes: Iterable[str] = (),
        class_definitions: Mapping[str, str] | None = None,
    ) -> LabelScheme:
        """Make a label scheme.

        Parameters
        ----------
        name
            Name of the scheme.
        title, description
            What people call it and say of it.
        classes
            Classes; a key labels each of the first nine in the explorer.
        class_definitions
            What some of the classes mean.
        """
        return self._create(
            self._name(LABEL_SCHEME, name),
            title=title,
            description=description,
            classes=list(classes),
            class_definitions=_definitions(class_definitions),
        )

    def update(
        self,
        name: str,
        *,
        title: str | None = None,
        description: str | None = None,
        etag: str = "",
        classes: Iterable[str] | None = None,
        class_definitions: Mapping[str, str] | None = None,
    ) -> LabelScheme:
        """Change title, description, classes or what they mean; what is not given stays.

        A class that images have cannot go; with a class its definition goes.
        """
        return self._update(
            self._full(name),
            etag=etag,
            title=title,
            description=description,
            classes=None if classes is None else list(classes),
            class_definitions=None if class_definitions is None else _definitions(class_definitions),
        )


class Labels(Subject):
    """The labels that images of a project were given."""

    def set(
        self,
        scheme: str,
        *,
        dataset: str,
        rows: Iterable[int],
        label: str,
    ) -> int:
        """Give images a class, or take it away; the services record the caller as the author.

        Parameters
        ----------
        scheme, dataset
            Label scheme and dataset.
        rows
            Rows of the images.
        label
            Class of the scheme; empty takes the label away.

        Returns
        -------
        int
            Number of labels that changed.
        """
        request = pb.SetLabelsRequest(
            name=self._name(LABEL_SCHEME, scheme),
            dataset=self._name(DATASET, dataset),
            rows=rows_message(rows),
            label=label,
        )
        return int(self._connection.call(request).changed_count)

    def table(
        self,
        scheme: str,
        *,
        dataset: str,
        rows: Iterable[int] | None = None,
        columns: Iterable[str] = (),
        each_expert: bool = False,
    ) -> pa.Table:
        """Labels of a dataset, or of some rows: columns ``name``, ``row``, ``label``, ``author`` and ``time``.

        Parameters
        ----------
        scheme, dataset
            Label scheme and dataset.
        rows, columns
            Rows and columns to read (default: all).
        each_expert
            Whether to read the label of each expert, one row an image and expert; else the newest of each image.
        """
        request = pb.ReadLabelsRequest(
            name=self._name(LABEL_SCHEME, scheme),
            dataset=self._name(DATASET, dataset),
            each_expert=each_expert,
        )
        return self._read(request, rows, columns)

    def agreement(self, scheme: str, *, dataset: str) -> ExpertAgreement:
        """How far experts agree: images of each, Cohen's kappa of each two, Krippendorff's alpha, images in dispute."""
        request = pb.CompareExpertsRequest(name=self._name(LABEL_SCHEME, scheme), dataset=self._name(DATASET, dataset))
        return ExpertAgreement.from_pb(self._connection.call(request))

    def suggest(self, scheme: str, *, experiment: str, count: int = 20) -> Suggestion:
        """Images whose labels would help most, with notes on how they were chosen."""
        request = pb.SuggestImagesRequest(
            name=self._name(LABEL_SCHEME, scheme),
            experiment=self._name(EXPERIMENT, experiment),
            image_count=count,
        )
        return Suggestion.from_pb(self._connection.call(request))


class Remarks(Subject):
    """What experts say of single images of a project beside their classes."""

    def set(
        self,
        dataset: str,
        *,
        rows: Iterable[int],
        interest: int | None = None,
        add_tags: Iterable[str] = (),
        remove_tags: Iterable[str] = (),
        note: str | None = None,
    ) -> int:
        """Say how interesting images are, tag them, or note something; what is not given stays.

        Parameters
        ----------
        dataset
            Dataset.
        rows
            Rows of the images.
        interest
            From 0 to 5; -1 takes it away.
        add_tags, remove_tags
            Tags that the images get and lose.
        note
            Note about each of them; empty takes it away.

        Returns
        -------
        int
            Number of images whose remarks changed; the services record the caller as their author.
        """
        request = pb.SetRemarksRequest(
            name=self._name(DATASET, dataset),
            rows=rows_message(rows),
            interest=interest,
            add_tags=list(add_tags),
            remove_tags=list(remove_tags),
            note=note,
        )
        return int(self._connection.call(request).changed_count)

    def table(self, dataset: str, *, rows: Iterable[int] | None = None, columns: Iterable[str] = ()) -> pa.Table:
        """Remarks of a dataset, or of some rows.

        Columns ``name``, ``row``, ``interest`` (null where nobody judged), ``tags`` (lists), ``note``, ``author`` and
        ``time``, one row an image of which something was said.
        """
        return self._read(pb.ReadRemarksRequest(name=self._name(DATASET, dataset)), rows, columns)

    def rank(self, experiment: str, *, count: int = 0, unjudged_only: bool = False) -> pa.Table:
        """Images by the interest that experts are likely to have in them, the most interesting first.

        Learnt from the interest of the images that were judged, or of a random 5,000 of more; unusual images come
        first as long as there is none.

        Parameters
        ----------
        experiment
            Experiment in whose latent space images are alike.
        count
            Number of images at most (default: all).
        unjudged_only
            Whether to leave out the images that were judged.

        Returns
        -------
        pyarrow.Table
            Columns ``name``, ``row``, ``score`` (expected interest) and ``interest`` (null where nobody judged).

        Examples
        --------
        >>> client.remarks.set("survey", rows=[17], interest=5)  # doctest: +SKIP
        >>> client.remarks.rank("survey", count=20, unjudged_only=True).to_pandas()  # doctest: +SKIP
        """
        request = pb.RankByInterestRequest(
            name=self._name(EXPERIMENT, experiment), image_count=count, unjudged_only=unjudged_only
        )
        return self._connection.table(request)


class Selections(ProjectCollection[Selection]):
    """The selections of a project."""

    def create(
        self,
        name: str,
        *,
        dataset: str,
        rows: Iterable[int],
        title: str = "",
        description: str = "",
    ) -> Selection:
        """Keep a set of rows of a dataset under a name."""
        return self._create(
            name,
            dataset=self._name(DATASET, dataset),
            rows=rows_message(rows),
            title=title,
            description=description,
        )


class Bookmarks(ProjectCollection[Bookmark]):
    """The bookmarks of a project: views of the explorer that all its members find again."""

    def create(
        self, name: str, *, query: str, title: str = "", description: str = "", pinned: bool = False
    ) -> Bookmark:
        """Keep a view under a name.

        Parameters
        ----------
        name
            Name of the bookmark.
        query
            Query of the explorer's address that opens the view, or the whole address.
        title, description
            What people call it and say of it.
        pinned
            Whether the project opens with it; what was pinned before is no longer.
        """
        return self._create(name, query=_query(query), title=title, description=description, pinned=pinned)

    def update(
        self,
        name: str,
        *,
        query: str | None = None,
        pinned: bool | None = None,
        title: str | None = None,
        description: str | None = None,
        etag: str = "",
    ) -> Bookmark:
        """Change title, description or view of a bookmark, or pin it; what is not given stays."""
        values = {"query": None if query is None else _query(query), "pinned": pinned}
        return self._update(self._full(name), etag=etag, title=title, description=description, **values)


def _definitions(given: Mapping[str, str] | None) -> list[pb.ClassDefinition]:
    return [pb.ClassDefinition(key=key, definition=text) for key, text in (given or {}).items()]


def _query(given: str) -> str:
    """The query of an address, which may be given whole."""
    return urlsplit(given).query if "://" in given else given.removeprefix("?")
