"""Registries: methods of installed distributions and of import paths, through the doors that use them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lse.analysis.clusterers import CLUSTERERS
from lse.analysis.reducers import REDUCERS, reduce
from lse.errors import FailedPreconditionError, InvalidArgumentError, PermissionDeniedError
from lse.images.formats import READERS
from lse.methods import Registry
from lse.representation.encoders.backbones import BACKBONES
from lse.representation.methods import TRAINING_METHODS, training_parameters
from lse.representation.prediction import PREDICTORS
from lse.representation.training.run import train
from lse.tables.exports import EXPORTERS

REGISTRIES = (REDUCERS, CLUSTERERS, TRAINING_METHODS, BACKBONES, PREDICTORS, READERS, EXPORTERS)

REDUCER = '''
"""A reducer that somebody else wrote: two columns as they are."""

from typing import Any

import numpy as np
from pydantic import Field

from lse.analysis.reducers import Fit, ReducerFacts, ReducerParameters, ReductionTask
from lse.methods import Method


class Parameters(ReducerParameters):
    """Parameters of it."""

    scale: float = Field(1.0, gt=0, description="Factor on the coordinates.")


class Fitted:
    """Takes the same columns of new vectors."""

    def __init__(self, columns: int, scale: float) -> None:
        self.columns, self.scale = columns, scale

    def transform(self, vectors: np.ndarray) -> np.ndarray:
        return self.scale * vectors[:, : self.columns]


def run(task: ReductionTask, parameters: Any) -> Fit:
    """Keep the first columns."""
    fitted = Fitted(parameters.n_components, getattr(parameters, "scale", 1.0))
    return Fit(fitted.transform(task.vectors), fitted)


METHOD = Method(
    id="columns",
    title="First columns",
    summary="Shows the first columns.",
    parameters=Parameters,
    run=run,
    facts=ReducerFacts(minimum_rows=3),
)
'''
NETWORK = '''
import torch
from torch import nn

from lse.representation.methods import TrainingFacts, TrainingMethod


class Net(nn.Module):
    """A net as somebody has it: neither width nor size, and vectors come out of it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 6, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten()
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layers(images)


class Spread(TrainingMethod):
    """Spreads vectors out."""

    facts = TrainingFacts(neck="pooled", loss_ranks=True)

    def __init__(self, parameters) -> None:
        self.parameters = parameters

    def parts(self, encoder):
        return {}

    def loss(self, encoder, parts, images, step):
        vectors = encoder.features(images)
        return (vectors.mean(dim=1) ** 2).mean(), {}


class Wrong:
    """No torch module."""

    def __init__(self, channels: int) -> None:
        pass
'''


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Folder with two distributions: one that works and one that is broken."""
    (tmp_path / "columns_reducer.py").write_text(REDUCER)
    for name, entries in (("columns-reducer", "columns = columns_reducer:METHOD"), ("torn", "torn = nowhere:METHOD")):
        folder = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(f"[lse.reducers]\n{entries}\n")
    return tmp_path


@pytest.fixture
def reducers(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry that has not looked at entry points yet."""
    monkeypatch.syspath_prepend(installed)
    return Registry(
        kind=REDUCERS.kind,
        package=REDUCERS.package,
        group=REDUCERS.group,
        parameters=REDUCERS.parameters,
        facts=REDUCERS.facts,
    )


def test_a_reducer_of_an_installed_package_is_used_like_ours(installed: Path) -> None:
    code = """
import numpy as np
from lse.analysis.reducers import REDUCERS, reduce
vectors = np.random.default_rng(0).normal(size=(20, 5)).astype(np.float32)
projection = reduce(vectors, method="columns", parameters={"scale": "2", "n_components": 3})
np.testing.assert_allclose(projection.coordinates, 2 * vectors[:, :3])
assert projection.report["parameters"]["scale"] == 2
print(*REDUCERS.ids)
"""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(installed)!r})\n{code}"],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-2:] == ["columns", "torn"]


def test_a_broken_package_is_named_and_the_others_stay(reducers: Registry, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(FailedPreconditionError, match=r"'torn' of the package 'torn' cannot be loaded .*uninstall"):
        _ = reducers["torn"]
    ours = ["pca", "truncated-svd", "tsne", "umap", "densmap", "pacmap", "isomap", "mds", "spectral"]
    assert [method.id for method in reducers] == [*ours, "columns"]
    assert "'torn'" in caplog.text
    with pytest.raises(InvalidArgumentError, match="did you mean 'columns'"):
        _ = reducers["column"]


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.group)
def test_every_registry_has_its_group_and_one_sentence_for_unknown_ids(registry: Registry) -> None:
    assert registry.ids
    assert all(name == name.lower().replace("_", "-") for name in registry.ids)
    nearly = f"{registry.ids[0]}x"
    with pytest.raises(InvalidArgumentError) as caught:
        _ = registry[nearly]
    assert caught.value.reason == "METHOD_UNKNOWN"
    assert caught.value.message == (
        f"Unknown {registry.kind} '{nearly}': did you mean '{registry.ids[0]}'? Allowed are {', '.join(registry.ids)}."
    )
    with pytest.raises(PermissionDeniedError, match="is an import path, and this installation runs only"):
        registry.parse("package.module:Name", {}, import_paths=False)


def test_a_reducer_by_import_path(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(installed)
    vectors = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    whole = reduce(vectors, method="columns_reducer:METHOD", parameters={"scale": 3})
    np.testing.assert_allclose(whole.coordinates, 3 * vectors[:, :2])
    plain = reduce(vectors, method="columns_reducer:run")
    np.testing.assert_allclose(plain.coordinates, vectors[:, :2])
    for path, words in (
        ("columns_reducer:nothing", "cannot be imported .*AttributeError"),
        ("nowhere_at_all:Net", "cannot be imported .*ModuleNotFoundError"),
    ):
        with pytest.raises(InvalidArgumentError, match=words):
            reduce(vectors, method=path)


def test_ones_own_net_and_loss_are_trained_and_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lse.representation.onnx import export_onnx
    from lse.representation.training.trained import load_trained

    (tmp_path / "my_networks.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(tmp_path)
    images = np.random.default_rng(0).normal(size=(24, 2, 16, 16)).astype(np.float32)
    parameters = {"backbone": "my_networks:Net", "epochs": 1, "batch_size": 8, "latent_dim": 4}
    for method in ("simclr", "my_networks:Spread"):
        trained = train(images, method=method, parameters=parameters, workdir=tmp_path / method[:2], threads=1)
        assert trained.parameters.backbone == "my_networks:Net"
        trained.save(tmp_path / "encoder.pt")
        again = load_trained(tmp_path / "encoder.pt")
        np.testing.assert_array_equal(again.encode(images), trained.encode(images))
        assert export_onnx(trained.encoder, tmp_path / "encoder.onnx", samples=images[:4]) < 1e-4
    with pytest.raises(InvalidArgumentError, match="Wrong does not turn images of 2 channels and 16 pixels"):
        train(
            images,
            method="simclr",
            parameters=parameters | {"backbone": "my_networks:Wrong"},
            workdir=tmp_path / "wrong",
            threads=1,
        )


def test_a_request_may_name_code_only_where_the_settings_say_so() -> None:
    with pytest.raises(PermissionDeniedError, match="allow_import_paths"):
        training_parameters("simclr", {"backbone": "os:system"}, import_paths=False)
    with pytest.raises(PermissionDeniedError, match="allow_import_paths"):
        training_parameters("os:system", {}, import_paths=False)
    assert training_parameters("simclr", {"backbone": "resnet18"}, import_paths=False).backbone == "resnet18"
