"""Several encoders on the same images: what to compare, and the table as it comes."""

from __future__ import annotations

from lse.client.bake_off import BakeOff, Contender
from lse_dashboard import wording
from lse_dashboard.data.project import ProjectInventory
from lse_dashboard.state.comparison_of_encoders import EncoderBakeOff
from lse_dashboard.views.markup import Html, html, join, problem, section

__all__ = ["bake_off_section"]

_WORDS = wording.BakeOff


def bake_off_section(inventory: ProjectInventory, bake_off: EncoderBakeOff) -> Html:
    """The form that starts a bake-off, and what came out so far; nothing in a project without images."""
    datasets = [one.id for one in inventory.of("dataset") if one.state == "ready"]
    if not datasets:
        return Html("")
    encoders = [one.id for one in inventory.of("encoder") if one.state == "ready"]
    form = html(
        '<form data-action="compare" data-key="compare"><div class="line"><select name="dataset" aria-label="{label}">'
        '{datasets}</select><button class="tool tall">{start}</button></div>{encoders}{methods}</form>',
        label=_WORDS.DATASET,
        datasets=join(html('<option value="{one}">{one}</option>', one=one) for one in datasets),
        start=wording.Compute.RUN,
        encoders=_boxes("encoder", _WORDS.ENCODERS, encoders) if encoders else Html(""),
        methods=_boxes("method", _WORDS.METHODS, [*inventory.methods, *inventory.backbones]),
    )
    body = html("{hint}{form}", hint=html('<p class="quiet">{text}</p>', text=_WORDS.HINT), form=form)
    if bake_off.problem:
        body += problem(bake_off.problem)
    elif bake_off.found is not None:
        body += _table(bake_off.found)
    return section(_WORDS.TITLE, body, css="lse-bake-off")


def _boxes(kind: str, title: str, names: list[str]) -> Html:
    boxes = join(
        html('<label><input type="checkbox" name="{kind} {one}"> {one}</label> ', kind=kind, one=one) for one in names
    )
    return html('<div class="boxes"><span class="quiet">{title}</span> {boxes}</div>', title=title, boxes=boxes)


def _table(found: BakeOff) -> Html:
    head = join(
        html('<th scope="col" title="{what}">{name}</th>', name=name, what=what) for name, what in _WORDS.COLUMNS
    )
    rows = join(_row(one) for one in found.contenders)
    advice = html('<p class="verdict">{text}</p>', text=found.recommendation) if found.recommendation else Html("")
    return html(
        '<table class="compared"><caption class="quiet">{caption}</caption><thead><tr>{head}</tr></thead>'
        "<tbody>{rows}</tbody></table>{advice}",
        caption=_WORDS.CAPTION.format(dataset=found.dataset),
        head=head,
        rows=rows,
        advice=advice,
    )


def _row(one: Contender) -> Html:
    name = html('<th scope="row">{name}</th>', name=one.encoder)
    if one.doing or one.failure:
        said = html(
            '<td colspan="{count}" class="quiet">{text}</td>',
            count=len(_WORDS.COLUMNS) - 1,
            text=one.doing or _WORDS.FAILED.format(why=one.failure),
        )
        return html("<tr>{name}{said}</tr>", name=name, said=said)
    cells = (
        one.method,
        *(_number(value) for value in (one.neighbours, one.linear_probe, one.views, one.nuisances)),
        {True: wording.YES, False: wording.NO, None: "–"}[one.sound],
        "–" if one.seconds is None else f"{one.seconds / 60:.1f}",
        f"{one.parameter_count:,}" if one.parameter_count else "–",
        str(one.dimension),
    )
    return html("<tr>{name}{cells}</tr>", name=name, cells=join(html("<td>{cell}</td>", cell=cell) for cell in cells))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
