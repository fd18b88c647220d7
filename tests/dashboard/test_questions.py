"""Questions about images, before any service is asked; losses as columns."""

from __future__ import annotations

import numpy as np

from lse.client import connect
from lse.client.resources import TrainingRun
from lse_dashboard.data.library import Library
from lse_dashboard.data.training import best_epoch_loss, loss_curves
from lse_dashboard.state.background import immediately
from lse_dashboard.state.explanations import ExplanationQuestion
from lse_dashboard.state.navigation import Navigation
from lse_dashboard.state.training_monitor import TrainingMonitor


def test_only_a_question_that_waits_takes_the_next_image() -> None:
    library = Library(connect)
    explaining = ExplanationQuestion(library, immediately, Navigation(library, immediately))
    assert not explaining.choose(3)
    explaining.pick("path")
    assert explaining.choose(3)
    assert explaining.picking == ""
    assert not explaining.choose(3)
    # There was no image to ask about.
    assert explaining.title == ""


def test_losses_that_an_epoch_does_not_tell_are_missing() -> None:
    curves = loss_curves([{"loss": 2.0}, {"loss": 1.0, "validation_loss": 1.5, "seconds": 3.0}])
    assert set(curves) == {"epoch", "loss", "validation_loss"}
    np.testing.assert_array_equal(curves["epoch"], [1, 2])
    np.testing.assert_array_equal(curves["validation_loss"], [np.nan, 1.5])


def test_the_best_epoch_has_its_validation_loss_where_there_is_one() -> None:
    epochs = ({"loss": 2.0}, {"loss": 1.0, "validation_loss": 1.5})
    run = TrainingRun(epochs=epochs, best_epoch=2, epoch_count=3, ending="", reconstructions=b"")
    assert best_epoch_loss(run) == {"epoch": [2], "loss": [1.5]}
    begun = TrainingRun(epochs=(), best_epoch=0, epoch_count=3, ending="", reconstructions=b"")
    assert best_epoch_loss(begun) == {"epoch": [], "loss": []}


def test_steps_are_noted_once_and_in_order() -> None:
    training = TrainingMonitor(Library(connect), immediately)
    for epoch in (0.5, 1.5, 1.5, 1.0):
        training.step(epoch, 1.0)
    assert [epoch for epoch, _ in training.latest] == [0.5, 1.5]
    training.close()
    assert training.latest == ()
