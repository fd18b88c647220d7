"""Labels carried over to all images, through the services."""

from __future__ import annotations

from lse.client import Client


def test_a_column_of_the_catalogue_teaches_too(client: Client, experiment: str) -> None:
    prediction = client.predictions.run("truth", experiment=experiment, column="class").wait(
        timeout=300, show_progress=False
    )
    assert prediction.labels == 320
    assert prediction.figures["balanced_accuracy"] > prediction.figures["chance"]
    client.predictions.delete(experiment, "truth")
