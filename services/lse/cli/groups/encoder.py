"""`lse encoder`: networks that give every image its vector."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from lse.cli.evaluations import score_line, show_bake_off, show_evaluation
from lse.cli.files import read_file
from lse.cli.records import print_json
from lse.cli.resource import MADE, METHOD, Column, ResourceCommands, short
from lse.cli.session import Seed, Session, Set, choice, given_parameters, listed, wait_for
from lse.cli.training_runs import say_estimate, show_run
from lse.errors import FailedPreconditionError, InvalidArgumentError
from lse.names import ENCODER
from lse.values import counted

if TYPE_CHECKING:
    from lse.client.resources import Encoder
    from lse.client.resources.encoders import Precision

__all__ = ["app"]

_PRECISIONS = ("fp32", "fp16")


def _versions(encoder: Encoder) -> list[str]:
    lines = []
    for version in encoder.versions:
        source = version.dataset.rsplit("/", 1)[-1] or "no dataset"
        precisions = "fp32 and fp16" if version.half_onnx_uri else "fp32"
        loaded = "loaded" if version.version in encoder.loaded_versions else "not loaded"
        made = f"{version.create_time:%F %R}" if version.create_time else "at an unknown time"
        lines.append(f"{version.version}: {version.method} on {source}, {precisions}, {loaded}, created {made}")
    return lines


commands = ResourceCommands(
    ENCODER,
    "Networks that give every image its vector.",
    columns=(
        Column("state", listed=True),
        Column("version", lambda encoder: f"{encoder.version} in {encoder.precision}"),
        Column("versions", _versions),
        Column("method", listed=True),
        Column("dataset", short("dataset"), listed=True),
        Column("input", lambda encoder: f"{counted(encoder.channels, 'channel')} of {encoder.image_size} pixels"),
        Column("dimension", listed=True),
        *METHOD,
        Column("verdict"),
        Column("scores", lambda encoder: [score_line(item) for item in encoder.evaluations]),
        *MADE,
    ),
    forced="what was made with it",
    standard=("list", "show", "update", "delete", "methods"),
)
app = commands.app

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the encoder.")]
DatasetName = Annotated[str, typer.Option("--dataset", metavar="D", help="Dataset.")]
MethodName = Annotated[str, typer.Option("--method", help="Training method; see `lse encoder methods`.")]
LabelColumn = Annotated[
    str | None,
    typer.Option(
        "--label-column", metavar="C", help="Column of the classes (default: `class` in any case, if there is one)."
    ),
]
Version = Annotated[int | None, typer.Option("--version", min=1, help="Encoder version (default: the one in use).")]


@commands.work("train")
def train(
    session: Session,
    name: Name,
    *,
    dataset: DatasetName,
    method: MethodName,
    settings: Set = None,
    seed: Seed = None,
) -> Any:
    """Train an encoder on a dataset, without labels."""
    parameters = given_parameters(settings, seed=seed)
    return session.client.encoders.train(name, dataset=dataset, method=method, parameters=parameters)


@commands.work("retrain")
def retrain(
    session: Session,
    name: Name,
    *,
    dataset: Annotated[
        str | None, typer.Option("--dataset", metavar="D", help="Dataset (default: that of the version in use).")
    ] = None,
    settings: Set = None,
    seed: Seed = None,
) -> Any:
    """Train a further version of an encoder.

    Its parameters are those of the version in use where no others are set.
    """
    return session.client.encoders.retrain(name, dataset=dataset, parameters=given_parameters(settings, seed=seed))


@commands.work("import")
def import_onnx(
    session: Session,
    name: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE.onnx", help="ONNX file here; - is the standard input.")],
) -> Any:
    """Make an encoder of an ONNX file."""
    with read_file(file) as content:
        return session.client.encoders.import_onnx(name, content)


@commands.work("pretrained")
def pretrained(
    session: Session,
    name: Name,
    backbone: Annotated[
        str,
        typer.Argument(
            metavar="NETWORK",
            help="Network of torchvision or timm, such as resnet18, torchvision/convnext_tiny or "
            "timm/vit_tiny_patch16_224; hf-hub:owner/model; package:efficientnet_lite0; or a folder with config.json "
            "and model.safetensors.",
        ),
    ],
    *,
    dataset: Annotated[
        str,
        typer.Option("--dataset", metavar="D", help="Dataset that defines the input bands, image size and scaling."),
    ],
    weights: Annotated[
        str | None,
        typer.Option("--weights", metavar="FILE", help="File of weights (.safetensors), as the services see it."),
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(
            "--input",
            metavar="as-is|unit|imagenet",
            help="What the network sees: the prepared values, values from 0 to 1, or those with the mean and spread of "
            "its training set (default: as its configuration says).",
        ),
    ] = None,
    bands: Annotated[
        str | None,
        typer.Option("--bands", metavar="r,g,b", help="Bands for its channels, red first (default: all, in order)."),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option("--size", min=8, help="Side in pixels that it sees (default: that of its training)."),
    ] = None,
    pool: Annotated[
        str | None,
        typer.Option(
            "--pool", metavar="cls|mean|cls+mean", help="Vector of a transformer (default: the network's own)."
        ),
    ] = None,
    adapt: Annotated[
        bool, typer.Option("--adapt", help="Go on training it with the images of the dataset, without labels.")
    ] = False,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="Epochs of --adapt (default: by the number of images).")
    ] = None,
) -> Any:
    """Make an encoder of a network that others trained."""
    used = given_parameters(None, input=scale, bands=bands, size=size, pool=pool, epochs=epochs)
    if adapt:
        used["adapt"] = True
        say_estimate(session, dataset, {**used, "backbone": backbone, "weights": weights or ""})
    return session.client.encoders.pretrained(name, backbone, dataset=dataset, weights=weights, parameters=used)


@commands.work("evaluate", show=show_evaluation)
def evaluate(
    session: Session,
    name: Name,
    *,
    dataset: DatasetName,
    label_column: LabelColumn = None,
) -> Any:
    """Evaluate an encoder on a dataset.

    The latent space is always judged without labels, and against classes where there are any.
    """
    return session.client.encoders.evaluate(name, dataset=dataset, label_column=label_column)


@commands.command("bake-off")
def bake_off(
    session: Session,
    *,
    dataset: DatasetName,
    encoders: Annotated[
        str | None,
        typer.Option("--encoders", metavar="A,B", help="Encoders that are there (default: all that take the images)."),
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(
            "--methods",
            metavar="M,N",
            help="Training methods and pretrained networks to make encoders with, such as "
            "simclr,vae,package:efficientnet_lite0.",
        ),
    ] = None,
    label_column: LabelColumn = None,
    again: Annotated[bool, typer.Option("--again", help="Evaluate anew what was evaluated before.")] = False,
) -> None:
    """Compare several encoders on the same images, in one table with a recommendation.

    Run again, it continues: what is there is not made again.
    """
    from lse.client.bake_off import run_bake_off

    found = run_bake_off(
        session.client,
        dataset,
        encoders=listed(encoders),
        methods=listed(methods),
        label_column=label_column,
        again=again,
        watch=wait_for,
    )
    show_bake_off(session, found)


@commands.command("select")
def select(
    session: Session,
    name: Name,
    *,
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="Encoder version (default: the present one).")
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option("--precision", metavar="fp32|fp16", help="Numerical precision (default: the present one)."),
    ] = None,
) -> None:
    """Choose the version and precision of an encoder to use."""
    if precision is not None:
        choice(precision, _PRECISIONS, "--precision")
    chosen = session.client.encoders.select_version(
        name, version=version, precision=cast("Precision | None", precision)
    )
    session.say(chosen, f"Encoder {name} is in use as version {chosen.version} in {chosen.precision}.")


@commands.command("load")
def load(session: Session, name: Name, *, version: Version = None) -> None:
    """Load an encoder into the inference engine."""
    _say_loaded(session, session.client.encoders.load(name, version=version))


@commands.command("unload")
def unload(session: Session, name: Name, *, version: Version = None) -> None:
    """Unload an encoder from the inference engine.

    What uses it next loads it again.
    """
    _say_loaded(session, session.client.encoders.unload(name, version=version))


def _say_loaded(session: Session, encoder: Encoder) -> None:
    loaded = ", ".join(map(str, encoder.loaded_versions)) or "none"
    session.say(encoder, f"Versions of {encoder.id} that are loaded: {loaded}.")


@commands.command("estimate")
def estimate(session: Session, *, dataset: DatasetName, method: MethodName, settings: Set = None) -> None:
    """Estimate the memory and time of a training.

    Nothing is started; the parameters that would be in force are shown too.
    """
    found = session.client.encoders.estimate(dataset=dataset, method=method, parameters=given_parameters(settings))
    session.record(
        found,
        {
            "weights": f"{found.parameter_count:,}",
            "memory": f"{found.memory_bytes / 2**30:.2f} GiB of {found.available_memory_bytes / 2**30:.2f} GiB free",
            "minutes": f"{found.minutes:.1f}" if found.fits else "does not fit",
            "parameters": found.parameters,
            "notes": found.notes,
        },
    )


@commands.command("backbones")
def backbones(session: Session) -> None:
    """List the networks that a training can use.

    Choose one with `--set backbone=NAME`.
    """
    found = session.client.encoders.backbones()
    session.table(
        found,
        ("backbone", "pixels", "pretrained", "help"),
        ((item.id, f"{item.minimum_size} to {item.maximum_size}", item.pretrained, item.help) for item in found),
    )


@commands.command("card")
def card(
    session: Session,
    name: Name,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write it to FILE.html as a page, or to FILE.json.")
    ] = None,
) -> None:
    """Print the card of an encoder.

    It describes its data, recipe, parameters, versions, scores and limits.
    """
    suffix = "" if out is None else out.suffix.lower()
    if out is not None and suffix not in (".html", ".json"):
        raise InvalidArgumentError(
            f"The card cannot be written to '{out}': end the name with .html or .json.", reason="OUTPUT_INVALID"
        )
    found = session.client.encoders.card(name)
    if out is None:
        print_json(found.document)
        return
    from lse.client.streams import write_file

    write_file(out, found.html if suffix == ".html" else json.dumps(found.document, indent=2, ensure_ascii=False))
    session.say({"written": str(out)}, f"{out} is written.")


@commands.command("run")
def run(
    session: Session,
    name: Name,
    *,
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="Encoder version (default: the newest).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.png", help="Write a picture of reconstructions to a file.")
    ] = None,
) -> None:
    """Show the training history of an encoder.

    The figures of each epoch, even while it trains.
    """
    found = session.client.encoders.training_run(name, version=version)
    if out is not None:
        if not found.reconstructions:
            raise FailedPreconditionError(
                f"There are no reconstructions of {name}: its method has no decoder, or no epoch is done yet.",
                reason="RECONSTRUCTIONS_MISSING",
            )
        from lse.client.streams import write_file

        write_file(out, found.reconstructions)
    show_run(session, found, encoder=name)


@commands.command("new-method")
def new_method(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE.py", help="File to write, such as my_method.py.")],
) -> None:
    """Write a training method to begin one's own with.

    It works as it is; change its loss, networks and parameters.
    """
    from lse.cli.method_template import write_method

    path = write_method(file)
    session.say(
        {"written": str(file), "method": path},
        f"{file} is written. With its folder in PYTHONPATH when `lse up` starts, train with --method {path}.",
    )


@commands.command("views")
def views(
    session: Session,
    *,
    dataset: DatasetName,
    method: MethodName,
    out: Annotated[Path, typer.Option("--out", metavar="FILE.png", help="Picture to write.")],
    settings: Set = None,
    count: Annotated[int, typer.Option("--count", min=1, max=64, help="Number of images to show.")] = 8,
    seed: Seed = None,
) -> None:
    """Draw the random views that a training would learn from."""
    from lse.client.streams import write_file

    parameters = given_parameters(settings, seed=seed)
    preview = session.client.encoders.preview_views(dataset, method=method, count=count, parameters=parameters)
    write_file(out, preview.png)
    written = {"written": str(out), "images": list(preview.images)}
    session.say(written, f"{out} is written: {counted(len(preview.images), 'image')}, each with two views of it.")
