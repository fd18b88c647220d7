"""`lse pipeline`: the whole chain, declared in a file."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lse.cli.failures import group
from lse.cli.records import as_text, print_json, print_rich
from lse.cli.session import Session, service_command, wait_for
from lse.errors import InvalidArgumentError, LseError, NotFoundError
from lse.validation import joined_faults
from lse.values import counted

if TYPE_CHECKING:
    from lse.client.pipeline_report import PipelineReport

__all__ = ["app", "print_report"]

app = group("The whole chain, declared in a file.")

_PATHS_SHOWN = 3
_REPORT_WIDTH = 100


@app.callback()
def pipeline() -> None:
    """The whole chain, declared in a file."""


@service_command(app, "run")
def run(
    session: Session,
    file: Annotated[
        Path, typer.Argument(metavar="FILE.yaml", help="File that declares the chain; - is the standard input.")
    ],
    *,
    report: Annotated[Path | None, typer.Option("--report", metavar="OUT.json", help="Write what came out.")] = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Folder of the images, instead of the one in the file.")
    ] = None,
) -> None:
    """Ingest, train, encode, project, cluster and score as the file says; run again, it continues."""
    from lse.client.pipeline import load_pipeline, run_pipeline

    declared = load_pipeline(file, data=data)
    if report is not None:
        _check_writable(report)
    client = session.client
    if session.project is None and declared.project is not None:
        client = client.with_project(declared.project)
    result = run_pipeline(client, declared, watch=wait_for)
    if report is not None:
        from lse.client.streams import write_file

        write_file(report, json.dumps(result.as_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    if session.as_json:
        print_json(result.as_dict())
    else:
        print_report(result)


@service_command(app, "check")
def check(
    session: Session,
    file: Annotated[
        Path, typer.Argument(metavar="FILE.yaml", help="File that declares the chain; - is the standard input.")
    ],
    *,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Folder of the images, instead of the one in the file.")
    ] = None,
) -> None:
    """Say what is wrong with the file: keys, names, methods, parameters, and what its images and recipe give."""
    from lse.client.pipeline import check_pipeline, load_pipeline

    declared = load_pipeline(file, data=data)
    faults: list[LseError] = []
    try:
        check_pipeline(session.client, declared)
    except InvalidArgumentError as error:
        faults.append(error)
    try:
        asked = declared.dataset
        seen = session.client.datasets.preview(
            asked.sources, recipe=asked.recipe, catalogue=asked.catalogue, catalogue_key=asked.catalogue_key
        )
        if seen.catalogue is not None and seen.catalogue.problem:
            faults.append(InvalidArgumentError(seen.catalogue.problem, reason="CATALOGUE_INVALID"))
    except (InvalidArgumentError, NotFoundError) as error:
        faults.append(error)
    if faults:
        # All that is wrong is said at once.
        raise faults[0] if len(faults) == 1 else joined_faults(faults)
    steps = 3 + len(declared.projections) + len(declared.clusterings) + (declared.evaluate is not None)
    rejected = [image for image in seen.images if image.rejection_reason]
    if session.as_json:
        print_json({"steps": steps, "sources": seen.source_count, "tried": len(seen.images), "rejected": len(rejected)})
        return
    inputs = counted(seen.source_count, "input")
    typer.echo(f"Nothing is wrong with the {counted(steps, 'step')} of {file}; the dataset has {inputs}.")
    if seen.catalogue is not None:
        for sentence in seen.catalogue.notes:
            typer.echo(sentence)
    for image in rejected:
        typer.echo(f"{image.source} would be rejected: {image.rejection_message}")


def print_report(report: PipelineReport) -> None:
    """Print the table of what came out."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"{report.experiment.id}: what came out", title_justify="left", show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    for number, (section, rows) in enumerate(_sections(report)):
        if number:
            table.add_section()
        for row, (what, value) in enumerate(rows):
            table.add_row(section if row == 0 else "", Text(what), value)
    print_rich(table, width=_REPORT_WIDTH)


def _sections(report: PipelineReport) -> list[tuple[str, list[tuple[str, str]]]]:
    """Titles, and below each what is told and its value."""
    dataset, evaluation = report.dataset, report.evaluation
    images = [("prepared" + (" (simulated)" if dataset.simulated else ""), as_text(dataset.prepared))]
    images.append(("rejected", as_text(len(report.rejections))))
    for reason, count in Counter(item.reason for item in report.rejections).most_common():
        paths = [item.path for item in report.rejections if item.reason == reason]
        more = f" and {len(paths) - _PATHS_SHOWN:,} more" if len(paths) > _PATHS_SHOWN else ""
        images.append((f"{reason}: {', '.join(paths[:_PATHS_SHOWN])}{more}", as_text(count)))
    sections = [
        ("images", images),
        (
            "seconds",
            [
                (name + (" (done before)" if stage.reused else ""), f"{stage.seconds:.1f}")
                for name, stage in report.stages.items()
            ],
        ),
    ]
    if report.left_out:
        sections.append(("left out", [(f"{stage}: {reason}", "") for stage, reason in report.left_out.items()]))
    if evaluation is not None:
        title = f"{report.encoder.id}, balanced accuracy of 20 neighbours, {evaluation.images:,} images"
        quality = [(evaluation.verdict, "")] if evaluation.verdict else []
        quality.append((title, _score(evaluation.knn_balanced_accuracy)))
        named = {"chance": "chance", "pixels": "raw pixels", "pca": "pixel PCA", "untrained": "untrained net"}
        quality += [(title, _score(evaluation.baselines.get(key))) for key, title in named.items()]
        if evaluation.linear_probe_balanced_accuracy is not None:
            quality.append(("linear probe on its vectors", _score(evaluation.linear_probe_balanced_accuracy)))
        sections.append(("encoder", quality))
    elif report.encoder.verdict:
        sections.append(("encoder", [(report.encoder.verdict, "")]))
    clusterings = []
    for name, item in report.clusterings.items():
        clusterings += [
            (f"{name}: clusters", as_text(item.clusters)),
            (f"{name}: images in none", as_text(item.noise)),
            (f"{name}: silhouette", _score(item.silhouette)),
            (f"{name}: adjusted Rand index against the class", _score(item.adjusted_rand)),
        ]
    if clusterings:
        sections.append(("clusters", clusterings))
    engine = report.experiment.inference_engine
    sections.append(
        (
            "search",
            [
                ("recall at 10 against exact search", _score(report.experiment.search_recall)),
                *([("encoded by", engine)] if engine else []),
            ],
        )
    )
    notes = [*dataset.notes, *report.encoder.notes, *report.experiment.notes]
    notes += evaluation.notes if evaluation is not None else ()
    if notes:
        sections.append(("notes", [(note, "") for note in dict.fromkeys(notes)]))
    return sections


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _check_writable(path: Path) -> None:
    """Find out before hours of work that their report cannot be kept."""
    folder = path.expanduser().absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK) or path.is_dir():
        raise InvalidArgumentError(
            f"The report '{path}' cannot be written: choose a file in a folder that is there.",
            reason="FILE_UNWRITABLE",
            path=path,
        )
