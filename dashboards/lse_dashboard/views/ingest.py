"""The window in which images become a dataset: where from, how they are prepared, and what comes out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from statistics import median
from typing import Any

import panel_material_ui as pmui

from lse.client.resources import Dataset
from lse.client.resources.datasets import Histogram, Preview, PreviewedCatalogue, PreviewedImage
from lse_dashboard import wording
from lse_dashboard.data.recipes import BACKGROUNDS, CENTRES, LIMITS, STRETCHES, TWO_LIMITS, choices_of
from lse_dashboard.data.uploads import Upload
from lse_dashboard.data.urls import thumbnail_path
from lse_dashboard.state.ingest import BY_POSITION, Ingest, Made, Sources
from lse_dashboard.state.session import Session
from lse_dashboard.views.dialog import dialog
from lse_dashboard.views.drop_zone import DropZone
from lse_dashboard.views.markup import (
    Html,
    Markup,
    button,
    folded,
    html,
    join,
    jpeg_url,
    notes,
    nothing,
    problem,
    section,
    waiting,
)
from lse_dashboard.views.operations import cancel_button, operation_bar, progress_facts

__all__ = ["ingest_dialog"]

_WORDS = wording.Ingest
_FIRST = 48
_PLOT = (240, 56)


def ingest_dialog(session: Session, ingest: Ingest, address: Callable[[str], str], base: str) -> pmui.Dialog:
    """Where a dataset is made of images.

    Parameters
    ----------
    session
        Whose project.
    ingest
        What is in the window.
    address
        URL below which the browser puts files, given the key of an upload.
    base
        URL of the page.
    """
    zone = DropZone(ingest.arrived, ingest.restart)

    def filled(form: str) -> dict[str, str]:
        return {key: str(value) for key, value in json.loads(form).items()}

    def encode(_: str) -> None:
        ingest.close()
        session.project_window.open(session.project, session.experiment_id)

    content = Markup(
        {
            "look": lambda form: ingest.look_at(**filled(form)),
            "choose": lambda form: ingest.choose(**filled(form)),
            "suggest": lambda _: ingest.suggest(),
            "join": lambda form: ingest.join(**filled(form)),
            "start": lambda form: ingest.start(**filled(form)),
            "restart": lambda _: ingest.restart(),
            "cancel": lambda name: session.operations.cancel(session.project, name),
            "encode": encode,
        },
        css_classes=["lse-ingest-content"],
    )
    window = dialog("lse-ingest-dialog", ingest.close, zone, content)
    window.width_option = "lg"

    def show(*_: object) -> None:
        if ingest.project:
            at_rest = ingest.sources is None and ingest.row is None and ingest.made is None
            zone.visible = at_rest
            if at_rest:
                zone.address = address(ingest.upload.key)
            content.html = _content(ingest, base)
            window.title = _WORDS.TITLE.format(name=ingest.project)
        window.open = bool(ingest.project)

    shown = ["project", "sources", "preview", "busy", "suggested_name", "row", "made", "problem"]
    ingest.param.watch(show, shown)
    show()
    return window


def _content(ingest: Ingest, base: str) -> Html:
    said = problem(ingest.problem) if ingest.problem else Html("")
    if ingest.made is not None:
        body = _made(ingest.project, ingest.made, base)
    elif ingest.row is not None:
        body = _running(ingest)
    elif ingest.sources is None:
        body = _path_form()
    else:
        body = _preparing(ingest)
    return html('<div class="lse ingest">{said}{body}</div>', said=said, body=body)


def _path_form() -> Html:
    return html(
        '<p class="quiet">{or_path}</p><form class="line" data-action="look" data-key="look">'
        '<input name="path" placeholder="{path}" aria-label="{path}"><input name="catalogue" placeholder="{catalogue}" '
        'aria-label="{catalogue}"><button class="tool tall">{look}</button></form>',
        or_path=_WORDS.OR_PATH,
        path=_WORDS.PATH,
        catalogue=_WORDS.PATH_CATALOGUE,
        look=_WORDS.LOOK,
    )


def _preparing(ingest: Ingest) -> Html:
    preview = ingest.preview
    busy = waiting(ingest.busy) if ingest.busy else Html("")
    if preview is None:
        return _here(ingest) + (busy or nothing(*_WORDS.NOTHING_YET))
    left = section(_WORDS.RECIPE, _recipe_form(preview, ingest.edition)) + _reasons(ingest.notes, preview.recipe)
    if preview.catalogue is not None and ingest.sources is not None:
        left = _catalogue(preview.catalogue, ingest.sources) + left
    right = _pictures(preview) + _histograms(preview)
    form = html(
        '<form class="line end" data-action="start" data-key="start {edition}"><input name="name" value="{name}" '
        'placeholder="{title}" aria-label="{title}"><button class="tool tall lse-start-ingest" {busy}>{start}</button>'
        "</form>",
        edition=ingest.edition,
        name=ingest.suggested_name,
        title=_WORDS.NAME,
        start=_WORDS.START,
        busy="disabled" if ingest.busy else "",
    )
    return html(
        '{here}<div class="two-sides"><div>{left}</div><div class="seen {state}">{busy}{right}</div></div>{form}',
        here=_here(ingest),
        left=left,
        right=right,
        busy=busy,
        state="stale" if ingest.busy else "",
        form=form,
    )


def _here(ingest: Ingest) -> Html:
    sources = ingest.sources
    assert sources is not None  # asked of one that has some
    facts = [sources.path, sources.catalogue] if sources.upload is None else _sent(sources.upload)
    return html(
        '<div class="here"><span>{facts}</span>{again}</div>',
        facts=" · ".join(fact for fact in facts if fact),
        again=button(_WORDS.CLEAR, "restart", css="tool"),
    )


def _sent(upload: Upload) -> list[str]:
    images, size = upload.images, _size(upload.byte_count)
    count = _WORDS.HERE.format(count=len(images), size=size)
    facts = [_WORDS.ONE_HERE.format(name=next(iter(images)), size=size) if len(images) == 1 else count]
    return facts + [_WORDS.CATALOGUE_HERE.format(name=name) for name in upload.tables]


def _size(count: int) -> str:
    return f"{count / 1e9:,.2f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"


def _recipe_form(preview: Preview, edition: int) -> Html:
    """The main choices; each change is seen at once."""
    chosen = choices_of(preview.recipe)
    names = ", ".join(preview.source_channels[:3])
    fields = [
        _field("size", _WORDS.SIZE, chosen["size"], help=_WORDS.SIZE_HELP),
        _field("crop", _WORDS.CROP, chosen["crop"], help=_WORDS.CROP_HELP, empty=_WORDS.NO_CROP),
        _select("centre", _WORDS.CENTRE, CENTRES, chosen["centre"], help=_WORDS.CENTRE_HELP),
        _field("channels", _WORDS.CHANNELS, chosen["channels"], help=_WORDS.CHANNELS_HELP.format(names=names)),
        _select("background", _WORDS.BACKGROUND, BACKGROUNDS, chosen["background"], help=_WORDS.BACKGROUND_HELP),
        _select("stretch", _WORDS.STRETCH, STRETCHES, chosen["stretch"]),
    ]
    if chosen["limits"]:
        fields.append(_select("limits", _WORDS.LIMITS, LIMITS, chosen["limits"]))
    else:
        fields.append(html('<input type="hidden" name="limits" value="">'))
    if chosen["limits"] in TWO_LIMITS or chosen["stretch"] == "percentile":
        fields += [_field(key, title, chosen[key]) for key, title in _WORDS.ENDS.items()]
    state = "{edition} {stretch} {limits}".format(edition=edition, **chosen)
    return html(
        '<form class="choices" data-live data-action="choose" data-key="choose {state}">{fields}<div class="acts">'
        '<button class="tool">{look}</button>{suggest}</div></form>',
        state=state,
        fields=join(fields),
        look=_WORDS.LOOK,
        suggest=html(
            '<button type="button" class="tool" data-action="suggest" title="{help}">{label}</button>',
            help=_WORDS.SUGGEST_HELP,
            label=_WORDS.SUGGEST,
        ),
    )


def _catalogue(found: PreviewedCatalogue, sources: Sources) -> Html:
    """How the catalogue is joined, what fits nothing, and another column to join it by."""
    chosen = BY_POSITION if sources.radius_arcsec else found.key
    titles = {**({} if chosen else {"": _WORDS.CHOOSE_KEY}), BY_POSITION: _WORDS.POSITION}
    options = {**titles, **{column: column for column in found.columns}}
    fields = [_select("key", _WORDS.KEY, options, chosen, help=_WORDS.KEY_HELP)]
    if sources.radius_arcsec:
        fields.append(_field("radius", _WORDS.RADIUS, f"{sources.radius_arcsec:g}", help=_WORDS.RADIUS_HELP))
    form = html(
        '<form class="choices" data-live data-action="join" data-key="join {chosen}">{fields}</form>',
        chosen=chosen,
        fields=join(fields),
    )
    said = [*found.notes, *([_WORDS.JOINED_LATER] if sources.radius_arcsec and not found.problem else [])]
    wrong = found.problem or (_WORDS.NONE_JOINED if found.matched_count == 0 else "")
    return section(
        _WORDS.CATALOGUE,
        form + (problem(wrong) if wrong else Html("")) + (notes(said) if said else Html("")),
        css="lse-catalogue",
        more=_WORDS.ROWS.format(count=found.row_count),
    )


def _field(name: str, title: str, value: str, *, help: str = "", empty: str = "") -> Html:  # noqa: A002
    return html(
        '<label title="{help}"><span class="quiet">{title}</span><input name="{name}" value="{value}" '
        'placeholder="{empty}"></label>',
        help=help,
        title=title,
        name=name,
        value=value,
        empty=empty,
    )


def _select(
    name: str,
    title: str,
    options: Iterable[str] | Mapping[str, str],
    chosen: str,
    *,
    help: str = "",  # noqa: A002
) -> Html:
    titles = options if isinstance(options, Mapping) else {one: one for one in options}
    listed = join(
        html('<option value="{one}" {on}>{said}</option>', one=one, said=said, on="selected" if one == chosen else "")
        for one, said in titles.items()
    )
    template = (
        '<label title="{help}"><span class="quiet">{title}</span><select name="{name}">{options}</select></label>'
    )
    return html(template, help=help, title=title, name=name, options=listed)


def _reasons(reasons: tuple[str, ...], recipe: str) -> Html:
    why = section(_WORDS.WHY, notes(reasons), css="lse-why") if reasons else Html("")
    return why + folded("recipe", _WORDS.FULL, html('<pre class="recipe">{recipe}</pre>', recipe=recipe))


def _pictures(preview: Preview) -> Html:
    refused = [one for one in preview.images if one.rejection_reason]
    tiles = join(_picture(one) for one in preview.images)
    clipped = _clipped(preview)
    rejected = html(
        '<div class="problem">{text}{why}</div>',
        text=_WORDS.REJECTED.format(count=len(refused)),
        why=notes(dict.fromkeys(one.rejection_message for one in refused)),
    )
    shown = _WORDS.SHOWN.format(shown=len(preview.images), count=preview.source_count)
    return section(
        shown, html('<div class="previews">{tiles}</div>', tiles=tiles), css="lse-previews", more=clipped
    ) + (rejected if refused else Html(""))


def _picture(image: PreviewedImage) -> Html:
    if image.rejection_reason:
        return html('<div class="refused" title="{why}">✕</div>', why=image.rejection_message)
    return html('<img src="{url}" alt="{source}" title="{source}">', url=jpeg_url(image.thumbnail), source=image.source)


def _clipped(preview: Preview) -> str:
    """Median share of clipped pixels on both sides."""
    ends: dict[str, list[float]] = {"low": [], "high": []}
    for image in preview.images:
        facts: dict[str, Any] = next((step.facts for step in image.steps if step.step == "tensor"), {})
        for end, shares in ends.items():
            if (share := facts.get(f"clipped_{end}_fraction")) is not None:
                shares.append(float(share))
    if not ends["low"]:
        return ""
    return _WORDS.CLIPPED.format(**{end: f"{median(shares):.2%}" for end, shares in ends.items()})


def _histograms(preview: Preview) -> Html:
    if not preview.histograms:
        return Html("")
    plots = join(_histogram(one) for one in preview.histograms)
    return section(_WORDS.HISTOGRAM, html('<div class="histograms">{plots}</div>', plots=plots), css="lse-histogram")


def _histogram(found: Histogram) -> Html:
    """Bars of a channel; their height is the square root of the count, or background would hide everything else."""
    width, height = _PLOT
    most = max(1, *found.counts) ** 0.5
    step = width / len(found.counts)
    bars = join(
        html(
            '<rect x="{x}" y="{y}" width="{width}" height="{height}"/>',
            x=f"{number * step:.2f}",
            y=f"{height - height * count**0.5 / most:.2f}",
            width=f"{step:.2f}",
            height=f"{height * count**0.5 / most:.2f}",
        )
        for number, count in enumerate(found.counts)
    )
    ends = {"low": f"{found.low:g}", "high": f"{found.high:g}"}
    return html(
        '<figure><svg class="shape" viewBox="0 0 {width} {height}" role="img" aria-label="{alt}">{bars}</svg>'
        '<figcaption class="quiet"><span>{low}</span><b>{channel}</b><span>{high}</span></figcaption></figure>',
        width=width,
        height=height,
        alt=_WORDS.HISTOGRAM_ALT.format(channel=found.channel, **ends),
        bars=bars,
        channel=found.channel,
        **ends,
    )


def _running(ingest: Ingest) -> Html:
    row = ingest.row
    assert row is not None  # asked of one that has one
    again = button(_WORDS.ANOTHER, "restart", css="tool tall")
    if not row.active:
        words = _WORDS.CANCELLED if row.state == "cancelled" else _WORDS.FAILED
        return problem(words.format(name=row.target_id, why=row.error)) + again
    return html(
        '<h2>{title}</h2>{bar}<div class="facts">{facts}</div><div class="acts">{cancel}</div><p class="quiet">'
        "{goes_on}</p>",
        title=_WORDS.RUNNING.format(name=row.target_id),
        bar=operation_bar(row),
        facts=join(html("<span>{fact}</span>", fact=fact) for fact in progress_facts(row)),
        cancel=cancel_button(row),
        goes_on=_WORDS.CLOSE_GOES_ON,
    )


def _made(project: str, made: Made, base: str) -> Html:
    dataset = made.dataset
    first = min(_FIRST, dataset.prepared)
    tiles = join(
        html('<img src="{url}" alt="" loading="lazy">', url=base + thumbnail_path(project, dataset, row))
        for row in range(first)
    )
    refused = notes(one.rejection_message for one in made.rejected)
    return html(
        '<h2 class="lse-made">{title}</h2><div class="acts">{encode}{again}</div>{images}{refused}{notes}',
        title=_counts(dataset),
        encode=button(_WORDS.ENCODE, "encode", css="tool tall", help=_WORDS.ENCODE_HELP),
        again=button(_WORDS.ANOTHER, "restart", css="tool tall"),
        images=section(
            _WORDS.FIRST_IMAGES.format(count=first), html('<div class="previews">{tiles}</div>', tiles=tiles)
        ),
        refused=section(_WORDS.REJECTIONS, refused) if made.rejected else "",
        notes=section(_WORDS.NOTES, notes(dataset.notes)) if dataset.notes else "",
    )


def _counts(dataset: Dataset) -> str:
    return _WORDS.DONE.format(name=dataset.id, prepared=dataset.prepared, rejected=dataset.rejected)
