"""Images that one visitor makes a dataset of: her own files or those that the services read, by way of a preview."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import param

from lse.client import Client, Operation
from lse.client.resources import Dataset
from lse.client.resources.datasets import Image, Preview
from lse.errors import InvalidArgumentError, LseError
from lse_dashboard import wording
from lse_dashboard.data.computations import free_name
from lse_dashboard.data.library import Library
from lse_dashboard.data.operations import OperationRow
from lse_dashboard.data.recipes import with_choices
from lse_dashboard.data.uploads import Upload, Uploads
from lse_dashboard.state.background import Background, Newest
from lse_dashboard.state.operations import Operations

__all__ = ["BY_POSITION", "Ingest", "Made", "Sources"]

BY_POSITION = ":position:"
"""In place of the name of a column: the catalogue is joined by position."""

_WORDS = wording.Ingest
_USUAL_RADIUS_ARCSEC = 1.0
_SHOWN = 18
_REJECTED_SHOWN = 20


@dataclass(frozen=True)
class Sources:
    """Where the images come from.

    Attributes
    ----------
    path, catalogue
        As the services see them; empty where the visitor's own files are taken.
    upload
        Her own files.
    key
        Column of the catalogue that identifies the image; empty where it is found by its name.
    radius_arcsec
        Largest separation where the catalogue is joined by position, 0 where it is not.
    """

    path: str = ""
    catalogue: str = ""
    upload: Upload | None = None
    key: str = ""
    radius_arcsec: float = 0.0

    def preview(self, client: Client, recipe: str) -> Preview:
        """What a recipe, or the one that is suggested where it is empty, makes of some images."""
        asked = {"recipe": recipe or None, "count": _SHOWN, **self._join()}
        if self.upload is None:
            return client.datasets.preview(self.path, **asked)
        return client.datasets.preview_upload(self.upload.images, **asked)

    def ingest(self, client: Client, name: str, recipe: str) -> Operation[Dataset]:
        """Ask for a dataset of all of them."""
        if self.upload is None:
            return client.datasets.ingest(name, self.path, recipe=recipe, **self._join())
        return client.datasets.upload(name, self.upload.images, recipe=recipe, **self._join())

    def _join(self) -> dict[str, Any]:
        """The catalogue, and how it is joined, as the client takes it; nothing where there is none."""
        catalogue: str | Path = self.catalogue
        if self.upload is not None and self.upload.tables:
            named, path = next(iter(self.upload.tables.items()))
            # The services see the catalogue under its own name.
            catalogue = path.with_name(Path(named).name)
            if path != catalogue:
                path.replace(catalogue)
                self.upload.files[named] = catalogue
        if not catalogue:
            return {}
        key, radius = self.key or None, self.radius_arcsec or None
        return {"catalogue": catalogue, "catalogue_key": key, "catalogue_radius_arcsec": radius}


@dataclass(frozen=True)
class Made:
    """A dataset that was made.

    Attributes
    ----------
    dataset
        It.
    rejected
        Some of its inputs that were rejected.
    """

    dataset: Dataset
    rejected: tuple[Image, ...]


class Ingest(param.Parameterized):
    """The window in which a dataset is made.

    Parameters
    ----------
    library
        Where it is previewed and made.
    background
        Runs what waits for the services.
    operations
        Where the long work is started and watched.
    uploads
        Where the visitor's files are kept meanwhile.
    """

    project = param.String("", doc="Project in the window, empty while it is shut.")
    sources: param.Parameter[Sources | None] = param.Parameter(None, doc="Where the images come from.")
    preview: param.Parameter[Preview | None] = param.Parameter(None, doc="What the recipe makes of some of them.")
    edition = param.Integer(0, doc="Grows when a recipe was suggested anew, and what was typed is about another one.")
    busy = param.String("", doc="What is being done now.")
    suggested_name = param.String("", doc="Name that nobody has taken.")
    row: param.Parameter[OperationRow | None] = param.Parameter(None, doc="Work that was started here.")
    made: param.Parameter[Made | None] = param.Parameter(None, doc="Dataset that came out.")
    problem = param.String("", doc="Why something was refused.")

    def __init__(self, library: Library, background: Background, operations: Operations, uploads: Uploads) -> None:
        super().__init__()
        self._library = library
        self._background = background
        self._operations = operations
        self._uploads = uploads
        self._previewing, self._reading = Newest(background), Newest(background)
        self._upload: Upload | None = None
        self._notes: tuple[str, ...] = ()
        operations.param.watch(self._on_rows, "rows")

    @property
    def upload(self) -> Upload:
        """Room for the files of this page."""
        if self._upload is None:
            self._upload = self._uploads.open()
        return self._upload

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on the recipe that was suggested."""
        return self._notes

    def open(self, project: str) -> None:
        """Open the window on a project."""
        if self.project != project:
            self._begin(project)

    def close(self) -> None:
        """Shut it, and remove the files that are no dataset yet."""
        self._begin("")

    def restart(self) -> None:
        """Begin anew, without any files."""
        self._begin(self.project)

    def _begin(self, project: str) -> None:
        self._previewing.drop()
        self._reading.drop()
        if self._upload is not None and (self._upload.files or not project):
            # What is on its way to the services is removed when it is there.
            if self.busy != _WORDS.STARTING:
                self._uploads.close(self._upload)
            self._upload = None
        self._notes = ()
        nothing = {"sources": None, "preview": None, "row": None, "made": None}
        self.param.update(project=project, busy="", suggested_name="", problem="", **nothing)

    def arrived(self, problem: str = "") -> None:
        """Take the files that the browser has sent, or the sentence on why it has not."""
        upload = self.upload
        if problem:
            self.problem = problem
        elif not upload.images:
            self.problem = _WORDS.NO_IMAGES
        elif len(upload.tables) > 1:
            self.problem = _WORDS.TWO_TABLES.format(count=len(upload.tables))
        else:
            first = next(name for name, path in upload.files.items() if path in upload.images.values())
            self._look(Sources(upload=upload), first.split("/")[0] if "/" in first or len(upload.images) == 1 else "")

    def look_at(self, *, path: str, catalogue: str = "") -> None:
        """Take files that the services can read."""
        if path.strip():
            self._look(Sources(path.strip(), catalogue.strip()), Path(path.strip()).name)

    def suggest(self) -> None:
        """Take the recipe that is suggested."""
        self._preview("")

    def choose(self, **choices: str) -> None:
        """Change the recipe."""
        if self.preview is None:
            return
        try:
            self._preview(with_choices(self.preview.recipe, choices))
        except LseError as error:
            self.problem = error.message

    def join(self, key: str, radius: str = "") -> None:
        """Join the catalogue by another column, or by position within a radius in arcsec."""
        if self.sources is None or self.preview is None:
            return
        arcsec = 0.0
        if key == BY_POSITION:
            try:
                arcsec = float(radius or _USUAL_RADIUS_ARCSEC)
            except ValueError:
                arcsec = -1.0
            if not arcsec > 0:
                self.problem = _WORDS.RADIUS_INVALID
                return
        self.sources = replace(self.sources, key="" if arcsec else key, radius_arcsec=arcsec)
        self._preview(self.preview.recipe)

    def start(self, name: str) -> None:
        """Make the dataset."""
        sources, preview, name = self.sources, self.preview, name.strip()
        if sources is None or preview is None or self.busy:
            return
        if not name:
            self.problem = _WORDS.UNNAMED
            return
        if preview.catalogue is not None and preview.catalogue.problem:
            self.problem = preview.catalogue.problem
            return
        client = self._library.client(self.project)
        self.param.update(busy=_WORDS.STARTING, problem="")

        def ask() -> Operation[Dataset]:
            # Before everything is sent in vain.
            if name in {one.id for one in client.datasets.list()}:
                raise InvalidArgumentError(_WORDS.TAKEN.format(name=name), reason="NAME_INVALID")
            return sources.ingest(client, name, preview.recipe)

        def accepted(row: OperationRow) -> None:
            if sources.upload is not None:
                self._uploads.close(sources.upload)
            if self.sources is sources:
                self._upload = None
                self.param.update(busy="", row=row, preview=None)

        def refused(error: LseError) -> None:
            if self.sources is sources:
                self._refused(error)
            elif sources.upload is not None:
                self._uploads.close(sources.upload)

        self._operations.ask(ask, accepted, refused)

    def show(self, dataset: str, project: str) -> None:
        """Show a dataset that is there."""
        self.open(project)
        client = self._library.client(project)

        def read() -> Made:
            found = client.datasets.get(dataset)
            rejected = (
                client.datasets.images(dataset, status="rejected", limit=_REJECTED_SHOWN) if found.rejected else ()
            )
            return Made(found, tuple(rejected))

        def answered(made: Made) -> None:
            self.param.update(made=made, row=None, busy="", problem="")

        self._reading.ask(read, answered, self._refused)

    def _look(self, sources: Sources, called: str) -> None:
        self.sources = sources
        base = re.sub(r"[^a-z0-9._-]+", "-", Path(called).name.lower().split(".")[0]).strip("-._") or "images"
        client = self._library.client(self.project)

        def named(taken: set[str]) -> None:
            self.suggested_name = free_name(base, taken)

        self._background(lambda: {one.id for one in client.datasets.list()}, named, self._refused)
        self._preview("")

    def _preview(self, recipe: str) -> None:
        sources = self.sources
        if sources is None:
            return
        client = self._library.client(self.project)
        self.param.update(busy=_WORDS.LOOKING, problem="")

        def seen(preview: Preview) -> None:
            if not recipe:
                self._notes = preview.notes
            self.param.update(busy="", preview=preview, problem="", edition=self.edition + (not recipe))

        self._previewing.ask(lambda: sources.preview(client, recipe), seen, self._refused)

    def _refused(self, error: LseError) -> None:
        self.param.update(busy="", problem=error.message)

    def _on_rows(self, _: object) -> None:
        """Follow the work that was started here."""
        if self.row is None:
            return
        now = next((one for one in self._operations.rows if one.name == self.row.name), None)
        if now is not None and now != self.row:
            self.row = now
            if now.state == "succeeded":
                self.show(now.target_id, self.project)
