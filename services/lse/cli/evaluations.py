"""How the judgement of an encoder is shown in a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from lse.cli.records import as_data, print_json, print_rich, print_table

if TYPE_CHECKING:
    from lse.cli.session import Session
    from lse.client.bake_off import BakeOff
    from lse.client.resources import Evaluation, Nuisance

__all__ = ["score_line", "show_bake_off", "show_evaluation"]

_Cells = tuple[str, str, str]
_PEERS = {"chance": "chance", "pixels": "raw pixels", "pca": "pixel PCA", "untrained": "untrained net"}
_SPACE = {
    "effective_rank": "effective rank",
    "spread": "spread about the mean vector",
    "alignment": "alignment of views (0 is best)",
    "uniformity": "uniformity (lower is more even)",
    "cosine_between_images": "cosine between different images",
    "views_nearer": "own view nearer than images of equal background",
    "views_nearer_untrained": "the same of an untrained net",
    "views_nearer_pca": "the same of pixel PCA",
    "neighbours_stable": "neighbours that stay in another view",
    "reconstruction_error": "reconstruction error, share of the pixel variance",
    "reconstruction_error_held_out": "the same over images held out of the training",
    "reconstruction_error_pca": "reconstruction error of as many principal components",
    "nuisances_variance_explained": "variance explained by all nuisances together",
}


def show_evaluation(session: Session, evaluation: Evaluation) -> None:
    """Show an evaluation: all of it as JSON, or as one table in sections."""
    if session.as_json:
        print_json(as_data(evaluation))
        return
    from rich.table import Table
    from rich.text import Text

    encoder, dataset = (name.rsplit("/", 1)[-1] for name in (evaluation.encoder, evaluation.dataset))
    title = f"{encoder}, version {evaluation.version}, on {evaluation.images:,} images of {dataset}"
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for number, (section, heads, rows) in enumerate(_sections(evaluation)):
        if number:
            table.add_section()
        table.add_row(section, *(Text(head, style="italic") for head in heads))
        for row in rows:
            table.add_row("", *(Text(cell) for cell in row))
    if evaluation.verdict:
        print_rich(Text(evaluation.verdict, style="bold" if evaluation.sound else "bold yellow"))
    print_rich(table)
    for note in evaluation.notes:
        print_rich(Text(f"• {note}"))


def show_bake_off(session: Session, found: BakeOff) -> None:
    """Show a bake-off: all of it as JSON, or a table and the recommendation."""
    if session.as_json:
        print_json(as_data(found))
        return
    heads = ("encoder", "method", "neighbours", "probe", "views", "nuisances", "sound", "minutes", "weights", "numbers")
    rows = [
        (
            each.encoder,
            each.method,
            *(_number(value) for value in (each.neighbours, each.linear_probe, each.views, each.nuisances)),
            {True: "yes", False: "no", None: "-"}[each.sound],
            "-" if each.seconds is None else f"{each.seconds / 60:.1f}",
            each.parameter_count or "-",
            each.dimension,
        )
        for each in found.contenders
        if not each.failure
    ]
    print_table(heads, rows)
    for each in found.contenders:
        if each.failure:
            typer.echo(f"{each.encoder} failed: {each.failure}")
    typer.echo(found.recommendation)


def score_line(evaluation: Evaluation) -> str:
    """One line of an evaluation: what it was made on, and its scores."""
    dataset = evaluation.dataset.rsplit("/", 1)[-1]
    if evaluation.knn_balanced_accuracy is None:
        return (
            f"version {evaluation.version} on {dataset}, no classes: {_figure(evaluation, 'effective_rank')} directions"
        )
    probe = evaluation.linear_probe_balanced_accuracy
    return (
        f"version {evaluation.version} on {dataset} by {evaluation.label_column}: "
        f"kNN {_number(evaluation.knn_balanced_accuracy)}, linear probe {_number(probe)}"
    )


def _sections(evaluation: Evaluation) -> Iterator[tuple[str, _Cells, list[_Cells]]]:
    """Name of each section, heads of its columns, and its rows."""
    figures = evaluation.figures
    if evaluation.knn_balanced_accuracy is not None:
        heads = (f"balanced accuracy by {evaluation.label_column}", "20 neighbours", "linear probe")
        own = ("encoder", evaluation.knn_balanced_accuracy, evaluation.linear_probe_balanced_accuracy)
        peers = [
            (title, evaluation.baselines.get(key), evaluation.linear_probe_baselines.get(key))
            for key, title in _PEERS.items()
        ]
        yield "classes", heads, [(name, _number(knn), _number(probe)) for name, knn, probe in (own, *peers)]
        if "split_knn_balanced_accuracy" in figures:
            rows = [
                (title, _figure(evaluation, f"split_knn_{key}"), _figure(evaluation, f"split_linear_probe_{key}"))
                for key, title in {"balanced_accuracy": "encoder", **_PEERS}.items()
            ]
            yield "split", ("learnt from train, scored on test", "20 neighbours", "linear probe"), rows
    if evaluation.recalls:
        rows = [
            (f"{item.label} ({item.images:,})", _number(item.knn), _number(item.linear_probe))
            for item in evaluation.recalls
        ]
        yield "recall", ("class", "20 neighbours", "linear probe"), rows
    collapsed = "the space has collapsed" if figures.get("collapsed") else "the shape of the space"
    rows = [(title, _figure(evaluation, key), "") for key, title in _SPACE.items() if key in figures]
    yield "space", (collapsed, "", ""), rows
    if evaluation.robustness:
        rows = [
            (each.change.replace("_", " "), _number(each.cosine), f"{each.same_image_first:.1%}")
            for each in evaluation.robustness
        ]
        yield "robustness", ("vectors before and after a change", "cosine", "own copy nearest"), rows
    if evaluation.nuisances:
        rows = [
            (
                each.key.replace("_", " ") + (" (context)" if each.key == "brightness" else ""),
                f"{each.variance_explained:.1%}",
                _predicted(each),
            )
            for each in evaluation.nuisances
        ]
        yield "nuisances", ("what should not matter", "explains the vectors", "explained by them"), rows


def _predicted(nuisance: Nuisance) -> str:
    """How much of a nuisance the vectors show, and of the best of its numbers where that is more."""
    share, largest = nuisance.predictability, nuisance.largest_predictability
    return f"{share:.1%}, at most {largest:.1%}" if largest > share + 0.01 else f"{share:.1%}"


def _figure(evaluation: Evaluation, key: str) -> str:
    return _number(evaluation.figures.get(key))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
