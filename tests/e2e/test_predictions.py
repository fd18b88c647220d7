"""An expert's few labels carried over to all images, through the services."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lse.client import Client
from lse.platform.errors import FailedPreconditionError, InvalidArgumentError, LseError, NotFoundError


@pytest.fixture(scope="module")
def scheme(client: Client, experiment: str) -> str:
    """Label scheme with twelve labels: stars and edge-on discs of the truth."""
    table = client.datasets.table("survey").to_pandas().query("row >= 0").sort_values("row")
    client.labels.create_scheme("shapes", classes=["star", "edge-on", "never used"])
    for label in ("star", "edge-on"):
        rows = table["row"][table["class"].str.contains(label)].to_list()[:6]
        assert len(rows) == 6, table["class"].unique()
        client.labels.set("shapes", dataset="survey", rows=rows, label=label)
    return "shapes"


@pytest.mark.parametrize("method", ["linear-probe", "fine-tuning"])
def test_a_few_labels_become_a_column_of_the_experiment(
    client: Client, experiment: str, scheme: str, method: str, tmp_path: Path
) -> None:
    settings = {"steps": 20} if method == "fine-tuning" else {}
    prediction = client.predictions.run(
        method, experiment=experiment, scheme=scheme, method=method, settings=settings
    ).wait(timeout=300, show_progress=False)
    assert [(each.label, each.labels) for each in prediction.classes] == [("edge-on", 6), ("star", 6)]
    assert sum(each.images for each in prediction.classes) == 320
    assert 0 <= prediction.figures["balanced_accuracy"] <= 1
    table = client.predictions.table(experiment, method).to_pandas()
    both = table[["probability.edge-on", "probability.star"]].to_numpy()
    np.testing.assert_allclose(both.sum(axis=1), 1, rtol=1e-4)
    np.testing.assert_allclose(table["probability"], both.max(axis=1))
    assert set(np.array(["edge-on", "star"])[both.argmax(axis=1)] == table["label"]) == {True}
    client.export(experiment, tmp_path / "out.csv")
    exported = pd.read_csv(tmp_path / "out.csv", comment="#")
    by_row = exported.set_index("row")[f"prediction.{method}"]
    assert by_row.loc[table["row"]].tolist() == table["label"].tolist()
    assert [each.id for each in client.predictions.list(experiment)].count(method) == 1
    client.predictions.delete(experiment, method)
    with pytest.raises(NotFoundError):
        client.predictions.get(experiment, method)


def test_a_column_of_the_catalogue_teaches_too(client: Client, experiment: str) -> None:
    prediction = client.predictions.run("truth", experiment=experiment, column="class").wait(
        timeout=300, show_progress=False
    )
    assert prediction.labels == 320
    assert prediction.figures["balanced_accuracy"] > prediction.figures["chance"]
    client.predictions.delete(experiment, "truth")


def test_what_cannot_be_learnt_from_is_said(client: Client, experiment: str, scheme: str) -> None:
    client.labels.create_scheme("empty", classes=["a", "b"])
    wrong: list[tuple[type[LseError], str, dict[str, str]]] = [
        (InvalidArgumentError, "no column 'nothing'", {"column": "nothing"}),
        (NotFoundError, "nothing", {"scheme": "nothing"}),
        (InvalidArgumentError, "magic", {"scheme": scheme, "method": "magic"}),
        (FailedPreconditionError, "at least two classes", {"scheme": "empty"}),
    ]
    for kind, message, request in wrong:
        with pytest.raises(kind, match=message):
            client.predictions.run("wrong", experiment=experiment, **request).wait(timeout=60, show_progress=False)
    with pytest.raises(NotFoundError):
        client.predictions.get(experiment, "wrong")
