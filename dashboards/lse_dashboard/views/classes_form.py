"""The form in which the classes of a label scheme get names and definitions, and the page that shows them all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lse.client.resources import LabelScheme
from lse.errors import NotFoundError
from lse_dashboard import wording
from lse_dashboard.data.colouring import Groups
from lse_dashboard.data.provenance import provenance
from lse_dashboard.plots.class_catalogue import ClassEntry, class_catalogue
from lse_dashboard.plots.palette import group_colours
from lse_dashboard.state.session import Session
from lse_dashboard.views.markup import Html, button, html, join

__all__ = ["class_colours", "classes_form", "classes_of_form", "write_classes"]

_WORDS = wording.Labelling
_NEW_LINES = 2
_EXAMPLES = 12


def classes_form(scheme: LabelScheme) -> Html:
    """A line a class, and empty ones for more."""
    lines = [(one, scheme.class_definitions.get(one, "")) for one in scheme.classes] + [("", "")] * _NEW_LINES
    return html(
        '<form class="lse classes-form" data-action="save" data-key="{key}"><p class="quiet">{help}</p>{lines}'
        '<div class="end"><button class="tool tall lse-save-classes">{save}</button>{keep}</div></form>',
        key=f"{scheme.id} {scheme.etag}",
        help=_WORDS.CLASSES_HELP,
        lines=join(
            html(
                '<div class="line"><input name="class {i}" value="{label}" maxlength="200" aria-label="{name}" '
                'placeholder="{name}"><textarea name="means {i}" rows="2" maxlength="2000" aria-label="{means}" '
                'placeholder="{means}">{definition}</textarea></div>',
                i=i,
                label=label,
                definition=definition,
                name=_WORDS.CLASS if label else _WORDS.NEW_CLASS,
                means=_WORDS.MEANS,
            )
            for i, (label, definition) in enumerate(lines)
        ),
        save=_WORDS.SAVE,
        keep=button(_WORDS.CANCEL, "keep"),
    )


def classes_of_form(sent: str) -> dict[str, str]:
    """Classes and their definitions, as the form sends them."""
    given: Mapping[str, str] = json.loads(sent)
    lines = sorted(int(key.removeprefix("class ")) for key in given if key.startswith("class "))
    pairs = ((given[f"class {i}"].strip(), given.get(f"means {i}", "").strip()) for i in lines)
    return {label: definition for label, definition in pairs if label}


def class_colours(session: Session, scheme: LabelScheme) -> list[str]:
    """Colour of each class."""
    return list(group_colours(Groups(scheme.id, np.zeros(0, dtype=np.int32), scheme.classes), session.theme))


def write_classes(session: Session, folder: Path) -> Path:
    """Write the catalogue of the classes of the scheme in use, with examples spread over those that were labelled."""
    labelling, dataset, images = session.labelling, session.contents.dataset, session.images
    scheme, labels = labelling.scheme, labelling.labels
    if scheme is None or dataset is None or images is None:
        raise NotFoundError(_WORDS.NONE, reason="LABEL_SCHEME_NOT_FOUND")
    client = session.library.client(session.project)
    entries = []
    for label, colour in zip(scheme.classes, class_colours(session, scheme), strict=True):
        rows = np.array(sorted(row for row, given in labels.of.items() if given.label == label), dtype=np.int64)
        some = rows[np.unique(np.linspace(0, len(rows) - 1, _EXAMPLES).round().astype(int))] if len(rows) else rows
        names = images.names_of(some)
        pictures = client.datasets.thumbnails(dataset.id, some.tolist())
        examples = list(zip(names, pictures, strict=True))
        entries.append(ClassEntry(label, scheme.class_definitions.get(label, ""), colour, len(rows), examples))
    words = wording.ClassCatalogue
    authors = sorted({given.author for given in labels.of.values()})
    facts = [(words.SCHEME, f"{scheme.id} ({scheme.creator})"), (words.AUTHORS, ", ".join(authors) or words.NOBODY)]
    page = class_catalogue(
        entries,
        title=scheme.title or scheme.id,
        description=scheme.description,
        provenance=[*facts, *provenance(session.contents, None, None)],
        theme=session.theme,
    )
    path = folder / f"{scheme.id}.html"
    path.write_text(page, encoding="utf-8")
    return path
