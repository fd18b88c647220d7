"""The classes that experts defined as one HTML file: what each means, how many images have it, examples."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup as Html

from lse_dashboard import wording
from lse_dashboard.theme import Theme

__all__ = ["ClassEntry", "class_catalogue"]

_WORDS = wording.ClassCatalogue
_TEMPLATE = Path(__file__).with_suffix(".html")


@dataclass(frozen=True)
class ClassEntry:
    """A class.

    Attributes
    ----------
    label, definition
        What it is called, and what it means; empty where nobody said so.
    colour
        Its colour, as ``#rrggbb``.
    count
        Number of images labelled with it.
    examples
        Names and pictures, as JPEG, of some of them.
    """

    label: str
    definition: str
    colour: str
    count: int
    examples: Sequence[tuple[str, bytes]]


def class_catalogue(
    entries: Sequence[ClassEntry],
    *,
    title: str,
    description: str,
    provenance: Sequence[tuple[str, str]],
    theme: Theme,
) -> str:
    """Write the classes as HTML that needs neither a server nor a network.

    Parameters
    ----------
    entries
        The classes.
    title, description
        Of the label scheme.
    provenance
        Where the labels come from, as titles and values.
    theme
        Colours.
    """
    empty = Html("")
    facts = (Html("<dt>{0}</dt><dd>{1}</dd>").format(*fact) for fact in provenance)
    template = Html(_TEMPLATE.read_text(encoding="utf-8"))  # noqa: S704 (it is ours: only values come from outside)
    return template.format(
        title=title,
        description=Html("<p>{0}</p>").format(description) if description else empty,
        classes=empty.join(_section(one) for one in entries),
        provenance=empty.join(facts),
        **{name: getattr(theme, name) for name in ("ground", "text", "quiet", "line")},
    )


def _section(one: ClassEntry) -> Html:
    figure = Html('<figure><img src="data:image/jpeg;base64,{data}" alt=""><figcaption>{name}</figcaption></figure>')
    examples = (figure.format(data=b64encode(picture).decode(), name=name) for name, picture in one.examples)
    shown = _WORDS.SHOWN.format(shown=len(one.examples)) if len(one.examples) < one.count else ""
    return Html(
        '<section><h2><i style="background:{colour}"></i>{label}<span>{count}{shown}</span></h2>'
        '<p class="{css}">{definition}</p><div class="examples">{examples}</div></section>'
    ).format(
        colour=one.colour,
        label=one.label,
        count=_WORDS.ONE if one.count == 1 else _WORDS.IMAGES.format(count=one.count),
        shown=shown,
        css="" if one.definition else "quiet",
        definition=one.definition or _WORDS.UNDEFINED,
        examples=Html("").join(examples),
    )
