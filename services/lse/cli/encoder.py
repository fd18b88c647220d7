"""`lse encoder`: networks that give every image its vector."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from lse.cli.evaluations import score_line, show_evaluation
from lse.cli.failures import group
from lse.cli.records import print_json
from lse.cli.session import NoWait, Session, Settings, choice, parse_settings, service_command
from lse.cli.training_runs import show_run
from lse.platform.errors import FailedPreconditionError, InvalidArgumentError

if TYPE_CHECKING:
    from lse.client.resources import Encoder, EncoderVersion
    from lse.client.resources.encoders import Precision

__all__ = ["app"]

app = group("Networks that give every image its vector.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the encoder.")]
DatasetName = Annotated[str, typer.Option("--dataset", metavar="D", help="Dataset.")]
Version = Annotated[int | None, typer.Option("--version", min=1, help="Version; the one in use.")]

_PRECISIONS = ("fp32", "fp16")


@service_command(app, "train")
def train(
    session: Session,
    name: Name,
    *,
    dataset: DatasetName,
    method: Annotated[str, typer.Option("--method", help="Training method; see `lse encoder methods`.")],
    settings: Settings = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of all random numbers.")] = 0,
    no_wait: NoWait = False,
) -> None:
    """Train an encoder on a dataset, without labels."""
    operation = session.client.encoders.train(
        name, dataset=dataset, method=method, settings=parse_settings(settings), seed=seed
    )
    session.finish(operation, wait=not no_wait, show=lambda encoder: _show(session, encoder))


@service_command(app, "retrain")
def retrain(
    session: Session,
    name: Name,
    *,
    dataset: Annotated[
        str | None, typer.Option("--dataset", metavar="D", help="Dataset; that of the version in use.")
    ] = None,
    settings: Settings = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of all random numbers.")] = 0,
    no_wait: NoWait = False,
) -> None:
    """Train a further version of an encoder, with the parameters of the one in use where no others are set."""
    operation = session.client.encoders.retrain(name, dataset=dataset, settings=parse_settings(settings), seed=seed)
    session.finish(operation, wait=not no_wait, show=lambda encoder: _show(session, encoder))


@service_command(app, "select")
def select(
    session: Session,
    name: Name,
    *,
    version: Annotated[int | None, typer.Option("--version", min=1, help="Version; the present one.")] = None,
    precision: Annotated[
        str | None,
        typer.Option("--precision", metavar="|".join(_PRECISIONS), help="Numbers to compute in; the present ones."),
    ] = None,
) -> None:
    """Choose the version of an encoder that is in use, and its precision."""
    if precision is not None:
        choice(precision, _PRECISIONS, "--precision")
    chosen = session.client.encoders.select_version(
        name, version=version, precision=cast("Precision | None", precision)
    )
    session.say(chosen, f"Encoder {name} is in use as version {chosen.version} in {chosen.precision}.")


@service_command(app, "load")
def load(session: Session, name: Name, *, version: Version = None) -> None:
    """Load a version of an encoder into the inference engine."""
    _say_loaded(session, session.client.encoders.load(name, version=version))


@service_command(app, "unload")
def unload(session: Session, name: Name, *, version: Version = None) -> None:
    """Take a version of an encoder out of the inference engine; what uses it next loads it again."""
    _say_loaded(session, session.client.encoders.unload(name, version=version))


@service_command(app, "import")
def import_onnx(
    session: Session,
    name: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE.onnx", help="ONNX file on this machine.")],
    *,
    no_wait: NoWait = False,
) -> None:
    """Make an encoder of an ONNX file."""
    operation = session.client.encoders.import_onnx(name, file)
    session.finish(operation, wait=not no_wait, show=lambda encoder: _show(session, encoder))


@service_command(app, "pretrained")
def pretrained(
    session: Session,
    name: Name,
    backbone: Annotated[
        str,
        typer.Argument(
            metavar="BACKBONE",
            help="Net of torchvision or timm, such as resnet18, torchvision/convnext_tiny or "
            "timm/vit_tiny_patch16_224.",
        ),
    ],
    *,
    dataset: Annotated[
        str, typer.Option("--dataset", metavar="D", help="Dataset whose images it shall take: bands, size, scale.")
    ],
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            metavar="FILE",
            help="File of weights (.pt, .pth, .safetensors), as the services see it; fetched by name when not given.",
        ),
    ] = None,
    no_wait: NoWait = False,
) -> None:
    """Make an encoder of a net that was trained on photos, for the images of a dataset."""
    operation = session.client.encoders.pretrained(name, backbone, dataset=dataset, weights=weights)
    session.finish(operation, wait=not no_wait, show=lambda encoder: _show(session, encoder))


@service_command(app, "estimate")
def estimate(
    session: Session,
    *,
    dataset: DatasetName,
    method: Annotated[str, typer.Option("--method", help="Training method; see `lse encoder methods`.")],
    settings: Settings = None,
) -> None:
    """Check a training without starting it: the parameters that would be in force, memory and minutes."""
    found = session.client.encoders.estimate(dataset=dataset, method=method, settings=parse_settings(settings))
    session.record(
        found,
        {
            "weights": f"{found.parameter_count:,}",
            "memory": f"{found.memory_bytes / 2**30:.2f} GiB of {found.available_memory_bytes / 2**30:.2f} GiB at hand",
            "minutes": f"{found.minutes:.1f}" if found.fits else "does not fit",
            "settings": found.settings,
            "notes": found.notes,
        },
    )


@service_command(app, "backbones")
def backbones(session: Session) -> None:
    """List the networks that images can go through: set backbone=… in a training."""
    found = session.client.encoders.backbones()
    session.table(
        found,
        ("backbone", "pixels", "pretrained", "help"),
        (
            (item.id, f"{item.minimum_size} to {item.maximum_size}", "yes" if item.pretrained else "no", item.help)
            for item in found
        ),
    )


@service_command(app, "evaluate")
def evaluate(
    session: Session,
    name: Name,
    *,
    dataset: DatasetName,
    label_column: Annotated[
        str | None,
        typer.Option(
            "--label-column", metavar="C", help="Column of the classes; `class`, if there is one, when not given."
        ),
    ] = None,
    no_wait: NoWait = False,
) -> None:
    """Judge an encoder on a dataset: without labels always, and against classes where there are any."""
    operation = session.client.encoders.evaluate(name, dataset=dataset, label_column=label_column)
    session.finish(operation, wait=not no_wait, show=lambda evaluation: show_evaluation(session, evaluation))


@service_command(app, "card")
def card(
    session: Session,
    name: Name,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write it to FILE.html as a page, or to FILE.json.")
    ] = None,
) -> None:
    """Print the card of an encoder: its data, recipe, parameters, versions, scores and limits."""
    if out is not None and out.suffix.lower() not in (".html", ".json"):
        raise InvalidArgumentError(
            f"The card cannot be written to '{out}': end the name with .html or .json.", reason="INVALID_OUTPUT"
        )
    found = session.client.encoders.card(name)
    if out is None:
        print_json(found.document)
        return
    text = found.html if out.suffix.lower() == ".html" else json.dumps(found.document, indent=2, ensure_ascii=False)
    try:
        out.expanduser().write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidArgumentError(
            f"The card cannot be written to '{out}': choose a file in a folder that is there.", reason="INVALID_OUTPUT"
        ) from error
    session.say({"written": str(out)}, f"{out} is written.")


@service_command(app, "run")
def run(
    session: Session,
    name: Name,
    *,
    version: Annotated[int | None, typer.Option("--version", min=1, help="Version; the newest.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.png", help="Write the picture of reconstructions there.")
    ] = None,
) -> None:
    """Show how the training of an encoder goes or went: the figures of its epochs."""
    course = session.client.encoders.training_run(name, version=version)
    if out is not None:
        if not course.reconstructions:
            raise FailedPreconditionError(
                f"There are no reconstructions of {name}: its method has no decoder, or no epoch is done yet.",
                reason="NO_RECONSTRUCTIONS",
            )
        try:
            out.expanduser().write_bytes(course.reconstructions)
        except OSError as error:
            raise InvalidArgumentError(
                f"The picture cannot be written to '{out}': choose a file in a folder that is there.",
                reason="INVALID_OUTPUT",
            ) from error
    show_run(session, course, encoder=name)


@service_command(app, "views")
def views(
    session: Session,
    *,
    dataset: DatasetName,
    method: Annotated[str, typer.Option("--method", help="Training method; see `lse encoder methods`.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE.png", help="Write the picture there.")],
    settings: Settings = None,
    count: Annotated[int, typer.Option("--count", min=1, max=64, help="Images to show.")] = 8,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the views.")] = 0,
) -> None:
    """Show the random views of some images that a training would learn from."""
    preview = session.client.encoders.preview_views(
        dataset, method=method, settings=parse_settings(settings), count=count, seed=seed
    )
    try:
        out.expanduser().write_bytes(preview.png)
    except OSError as error:
        raise InvalidArgumentError(
            f"The picture cannot be written to '{out}': choose a file in a folder that is there.",
            reason="INVALID_OUTPUT",
        ) from error
    written = {"written": str(out), "images": list(preview.images)}
    session.say(written, f"{out} is written: {len(preview.images)} images, each with two views of it.")


@service_command(app, "list")
def list_encoders(session: Session) -> None:
    """List the encoders of the project."""
    encoders = session.client.encoders.list()
    session.table(
        encoders,
        ("name", "state", "method", "dataset", "dimension", "made"),
        (
            (item.id, item.state, item.method, item.dataset.rsplit("/", 1)[-1], item.dimension, item.create_time)
            for item in encoders
        ),
    )


@service_command(app, "show")
def show(session: Session, name: Name) -> None:
    """Show an encoder with its parameters and scores."""
    _show(session, session.client.encoders.get(name))


@service_command(app, "delete")
def delete(
    session: Session,
    name: Name,
    *,
    force: Annotated[bool, typer.Option("--force", help="Delete what was made with it too.")] = False,
) -> None:
    """Delete an encoder."""
    session.client.encoders.delete(name, force=force)
    session.say({"deleted": name}, f"Encoder {name} is deleted.")


@service_command(app, "methods")
def methods(session: Session) -> None:
    """List the training methods and their parameters."""
    session.methods(session.client.encoders.methods())


def _say_loaded(session: Session, encoder: Encoder) -> None:
    loaded = ", ".join(map(str, encoder.loaded_versions)) or "none"
    session.say(encoder, f"Versions of {encoder.id} that are loaded: {loaded}.")


def _show(session: Session, encoder: Encoder) -> None:
    session.record(
        encoder,
        {
            "encoder": encoder.id,
            "state": encoder.state,
            "version": f"{encoder.version} in {encoder.precision}",
            "versions": [_version_line(item, encoder) for item in encoder.versions],
            "method": encoder.method,
            "dataset": encoder.dataset.rsplit("/", 1)[-1],
            "takes": f"{encoder.channels} channels of {encoder.image_size} pixels",
            "dimension": encoder.dimension,
            "seed": encoder.seed,
            "settings": encoder.settings,
            "figures": encoder.figures,
            "scores": [score_line(item) for item in encoder.evaluations],
            "notes": encoder.notes,
            "made": encoder.create_time,
            "operation": encoder.operation,
        },
    )


def _version_line(version: EncoderVersion, encoder: Encoder) -> str:
    source = version.dataset.rsplit("/", 1)[-1] or "no dataset"
    precisions = "fp32 and fp16" if version.half_onnx_uri else "fp32"
    loaded = "loaded" if version.version in encoder.loaded_versions else "not loaded"
    return f"{version.version}: {version.method} on {source}, {precisions}, {loaded}, made {version.create_time:%F %R}"
