"""Questions about images, before any service is asked; losses as columns."""

from __future__ import annotations

import numpy as np

from lse.client import connect
from lse_dashboard.data.courses import loss_curves
from lse_dashboard.data.library import Library
from lse_dashboard.state.background import immediately
from lse_dashboard.state.explaining import Explaining
from lse_dashboard.state.walk import Walk


def test_only_a_question_that_waits_takes_the_next_image() -> None:
    library = Library(connect)
    explaining = Explaining(library, immediately, Walk(library, immediately))
    assert not explaining.choose(3)
    explaining.pick("path")
    assert explaining.choose(3)
    assert explaining.picking == ""
    assert not explaining.choose(3)
    # There was no image to ask about.
    assert explaining.question == ""


def test_losses_that_an_epoch_does_not_tell_are_missing() -> None:
    curves = loss_curves([{"loss": 2.0}, {"loss": 1.0, "validation_loss": 1.5, "seconds": 3.0}])
    assert set(curves) == {"epoch", "loss", "validation_loss"}
    np.testing.assert_array_equal(curves["epoch"], [1, 2])
    np.testing.assert_array_equal(curves["validation_loss"], [np.nan, 1.5])
