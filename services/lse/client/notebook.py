"""A Jupyter notebook that repeats how an experiment was made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from lse.client.pipeline_file import OF_PRETRAINED
from lse.errors import NotFoundError
from lse.names import DATASET, PROJECTION

if TYPE_CHECKING:
    from lse.client.client import Client
    from lse.client.resources import Clustering, Dataset, Encoder, Experiment, Projection

__all__ = ["notebook"]

_WIDTH = 100
_USE_OF_PRETRAINED = OF_PRETRAINED - {"backbone", "weights"}
_BEGIN = """\
# {title}

How the experiment **{experiment}** of the project **{project}** was made, written on {time:%-d %B %Y} by Latent Space
Explorer {version}. Run from top to bottom, it makes everything again, in another project, so that nothing is
overwritten. The same parameters and seeds give the same results on the same machine; other processors round
differently."""
_PLACED = """\
## Projection {name}

The images were placed on the map `{projection}` of the experiment `{experiment}`: repeat that one by its own
notebook, then `client.projections.transform`."""
_GONE = """\
It was made of images of the dataset `{name}`, which was deleted: make the dataset `{dataset}` by hand."""
_SENT = """\
# The files were sent to the services: name the folder in which they are on this machine.
FOLDER = Path("images")"""


def notebook(client: Client, experiment: str) -> str:
    """Write a Jupyter notebook that repeats how an experiment was made.

    It makes dataset, encoder, projections, clusterings and labels in another project, so that nothing is overwritten.
    What it cannot repeat, such as an imported network, it asks for by a comment.

    Parameters
    ----------
    client
        Client of the project.
    experiment
        Experiment.

    Returns
    -------
    str
        The notebook (nbformat 4.5, JSON).

    Examples
    --------
    >>> Path("survey.ipynb").write_text(notebook(client, "survey-simclr"))
    """
    found = client.experiments.get(experiment)
    dataset = client.datasets.get(found.dataset)
    cells = [
        _text(
            _BEGIN.format(
                title=found.title or found.id,
                experiment=found.id,
                project=client.project,
                time=datetime.now(UTC),
                version=version("latent-space-explorer"),
            )
        ),
        _code(
            f"""\
from pathlib import Path

from lse.client import connect

before = connect(project={client.project!r})
client = connect(project={f"{client.project}-again"!r})"""
        ),
        *_dataset_cells(client, dataset, {}),
        *_encoder_cells(client, found, dataset),
    ]
    for made in client.projections.list(found.id, order_by="create_time"):
        if made.placed_on:
            (_, experiment, projection) = PROJECTION.parse(made.placed_on)
            cells.append(_text(_PLACED.format(name=made.id, projection=projection, experiment=experiment)))
        else:
            cells += [_text(f"## Projection {made.id}"), _code(_run("projections", found, made))]
    for group in client.clusterings.list(found.id, order_by="create_time"):
        cells += [_text(f"## Clustering {group.id}"), _code(_clustering(found, group))]
    cells += [*_label_cells(client, dataset), _text("## Catalogue"), _code(_export(found))]
    return json.dumps(_document(cells), indent=1, ensure_ascii=False)


def _dataset_cells(client: Client, dataset: Dataset, made: dict[str, Dataset]) -> list[dict[str, Any]]:
    """Cells that make a dataset, and before it the one of whose images it is."""
    if dataset.id in made:
        return []
    made[dataset.id] = dataset
    title = _text(f"## Dataset {dataset.id}\n\n{dataset.prepared:,} images, {dataset.rejected:,} files rejected.")
    if dataset.subset_of:
        name = DATASET.parse(dataset.subset_of)[-1]
        try:
            whole = client.datasets.get(name)
        except NotFoundError:
            return [title, _text(_GONE.format(name=name, dataset=dataset.id))]
        code = f"""\
kept = set(before.datasets.table({dataset.id!r}, columns=[])["name"].to_pylist())
there = client.datasets.table({whole.id!r}, columns=[])
rows = [row for name, row in zip(there["name"].to_pylist(), there["row"].to_pylist()) if name in kept]
{_call("client.datasets.subset", repr(dataset.id), of=whole.id, rows=_Code("rows"))}.wait()"""
        return [*_dataset_cells(client, whole, made), title, _code(code)]
    catalogue: Any = dataset.catalogue or None
    joined = {"catalogue_key": dataset.catalogue_key, "catalogue_radius_arcsec": dataset.catalogue_radius_arcsec}
    options: dict[str, Any] = {"recipe": _Code(f"recipe_of_{_variable(dataset.id)}"), "catalogue": catalogue, **joined}
    recipe = f'{options["recipe"]} = """\\\n{_escaped(dataset.recipe)}"""\n'
    if dataset.sent:
        if catalogue:
            options["catalogue"] = _Code(f"FOLDER / {catalogue!r}")
        call = _call("client.datasets.upload", repr(dataset.id), "FOLDER", **options)
        return [title, _code(f"{_SENT}\n{recipe}{call}.wait()")]
    first, *added = [list(one.sources) for one in dataset.versions] or [list(dataset.sources)]
    call = _call("client.datasets.ingest", repr(dataset.id), repr(first), **options)
    lines = [f"{recipe}{call}.wait()"]
    if added:
        lines.append("# Images that were added later; a catalogue that was joined to them is not known any more.")
        lines += [f"{_call('client.datasets.add', repr(dataset.id), repr(sources))}.wait()" for sources in added]
    return [title, _code("\n".join(lines))]


def _encoder_cells(client: Client, experiment: Experiment, dataset: Dataset) -> list[dict[str, Any]]:
    """Cells that make the encoder of an experiment and the experiment, or fetch its vectors where it has none."""
    title = _text(f"## Experiment {experiment.id}\n\n{experiment.images:,} vectors of {experiment.dimension} numbers.")
    if not experiment.encoder:
        code = f"""\
# The vectors were imported: they are taken from the first project.
import pyarrow.parquet as pq

pq.write_table(before.experiments.vectors({experiment.id!r}).drop_columns(["row"]), "vectors.parquet")
{_call("client.experiments.import_vectors", repr(experiment.id), repr("vectors.parquet"), dataset=dataset.id)}.wait()"""
        return [title, _code(code)]
    encoder = client.encoders.get(experiment.encoder.rsplit("/", 1)[-1])
    cells: list[dict[str, Any]] = []
    learnt_from = encoder.dataset.rsplit("/", 1)[-1]
    if learnt_from and learnt_from != dataset.id:
        cells += _dataset_cells(client, client.datasets.get(learnt_from), {dataset.id: dataset})
    cells += [_text(f"## Encoder {encoder.id}\n\n{encoder.verdict}".strip()), _code(_encoder(encoder, experiment))]
    encode = _call("client.experiments.encode", repr(experiment.id), dataset=dataset.id, encoder=encoder.id)
    return [*cells, title, _code(f"{encode}.wait()")]


def _encoder(encoder: Encoder, experiment: Experiment) -> str:
    used = next((one for one in encoder.versions if one.version == experiment.encoder_version), None)
    method, parameters = (encoder.method, encoder.parameters) if used is None else (used.method, used.parameters)
    options: dict[str, Any] = {
        "dataset": encoder.dataset.rsplit("/", 1)[-1],
        "parameters": dict(sorted(parameters.items())),
    }
    if method == "import":
        return f"""\
# It was imported: name the ONNX file here.
{_call("client.encoders.import_onnx", repr(encoder.id), repr(f"{encoder.id}.onnx"))}.wait()"""
    if method == "pretrained":
        backbone, options["weights"] = (parameters.get(key, "") for key in ("backbone", "weights"))
        # What was found out about the network is among its parameters, too.
        known = {"size": parameters.get("input_size"), **parameters}
        options["parameters"] = {key: known[key] for key in sorted(_USE_OF_PRETRAINED & known.keys())}
        note = (
            f"# The file of weights, {options['weights']}, must be in the present folder.\n"
            if options["weights"]
            else ""
        )
        return f"{note}{_call('client.encoders.pretrained', repr(encoder.id), repr(backbone), **options)}.wait()"
    note = ""
    if experiment.encoder_version > 1:
        note = (
            f"# The experiment has version {experiment.encoder_version}, whose training went on from an earlier one; "
            "this begins anew with its parameters.\n"
        )
    return f"{note}{_call('client.encoders.train', repr(encoder.id), method=method, **options)}.wait()"


def _run(collection: str, experiment: Experiment, made: Projection | Clustering, **more: Any) -> str:
    given = {key: value for key, value in sorted(made.parameters.items()) if value is not None}
    options = {"experiment": experiment.id, "method": made.method, **more, "parameters": given}
    return _call(f"client.{collection}.run", repr(made.id), **options) + ".wait()"


def _clustering(experiment: Experiment, made: Clustering) -> str:
    on = made.projection.rsplit("/", 1)[-1]
    if made.cut_from:
        cut = {"experiment": experiment.id, "source": made.cut_from.rsplit("/", 1)[-1], "level": made.cut_level}
        code = _call("client.clusterings.cut", repr(made.id), **cut) + ".wait()"
    else:
        code = _run("clusterings", experiment, made, **({"on": on} if on else {}))
    if not made.cluster_titles:
        return code
    titles = _call(
        "client.clusterings.update", repr(experiment.id), repr(made.id), cluster_titles=dict(made.cluster_titles)
    )
    return f"{code}\n{titles}"


def _label_cells(client: Client, dataset: Dataset) -> list[dict[str, Any]]:
    """Cells that take over what experts said, by the names of the images."""
    schemes = [one for one in client.label_schemes.list() if client.labels.table(one.id, dataset=dataset.id).num_rows]
    if not schemes:
        return []
    names = f"""\
there = client.datasets.table({dataset.id!r}, columns=[])
row_of = dict(zip(there["name"].to_pylist(), there["row"].to_pylist()))"""
    cells = [_text("## Labels\n\nThey are taken from the first project, by the names of the images."), _code(names)]
    for scheme in schemes:
        options = {"classes": list(scheme.classes), "class_definitions": dict(scheme.class_definitions)}
        code = f"""\
{_call("client.label_schemes.create", repr(scheme.id), **options)}
labels = before.labels.table({scheme.id!r}, dataset={dataset.id!r}).to_pandas()
for label, images in labels.groupby("label")["name"]:
    rows = [row_of[name] for name in images if name in row_of]
    client.labels.set({scheme.id!r}, dataset={dataset.id!r}, rows=rows, label=label)"""
        cells.append(_code(code))
    return cells


def _export(experiment: Experiment) -> str:
    return f"client.export({experiment.id!r}, {f'{experiment.id}.vot'!r})"


class _Code(str):
    """Text that is code itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _call(function: str, *given: str, **options: Any) -> str:
    """A call as code, without options that are empty."""
    said = [*given, *(f"{key}={value!r}" for key, value in options.items() if value not in (None, "", 0, {}))]
    line = f"{function}({', '.join(said)})"
    return line if len(line) <= _WIDTH else "\n".join([f"{function}(", *(f"    {one}," for one in said), ")"])


def _escaped(text: str) -> str:
    """Text as it stands between three quotes."""
    return text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')


def _variable(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name)


def _text(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def _code(text: str) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": text}


def _document(cells: list[dict[str, Any]]) -> Mapping[str, Any]:
    """Cells as a document of version 4.5 of the format of notebooks."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    numbered = [{"id": f"cell-{number}", **cell} for number, cell in enumerate(cells)]
    return {"cells": numbered, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
