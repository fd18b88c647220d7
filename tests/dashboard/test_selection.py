"""What one visitor selects: sets of images, combined, undone, kept through other maps and colours."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.clouds import mask_of, points_where

from lse_dashboard.data.cloud import Cloud
from lse_dashboard.state.scatter import Scatter
from lse_dashboard.state.selection import Combine, Selection


def chosen(selection: Selection) -> list[int]:
    return [int(row) for row in selection.rows]


@pytest.mark.parametrize(
    ("combine", "left"),
    [("replace", [3, 4]), ("add", [1, 2, 3, 4]), ("subtract", [1, 2]), ("intersect", [3])],
)
def test_a_new_selection_is_combined_with_the_one_before(combine: Combine, left: list[int]) -> None:
    selection = Selection()
    selection.choose(np.array([3, 1, 2, 2]), "lasso")
    assert chosen(selection) == [1, 2, 3]
    selection.combine = combine
    selection.choose(np.array([4, 3]), "box")
    assert chosen(selection) == left
    assert selection.step.origin == "box"


def test_a_key_that_is_held_wins_over_what_is_set() -> None:
    selection = Selection()
    selection.choose(np.array([1]), "lasso")
    selection.held = "add"
    selection.choose(np.array([2]), "lasso")
    selection.held = None
    assert chosen(selection) == [1, 2]
    selection.choose(np.array([5]), "lasso")
    assert chosen(selection) == [5]


def test_every_step_is_undone_and_done_again() -> None:
    selection = Selection()
    selection.choose(np.array([1, 2]), "lasso")
    selection.invert(np.arange(4), "inverted")
    assert chosen(selection) == [0, 3]
    selection.clear()
    selection.undo()
    assert chosen(selection) == [0, 3]
    selection.undo()
    selection.undo()
    assert chosen(selection) == []
    assert not selection.can_undo
    selection.redo()
    assert chosen(selection) == [1, 2]
    selection.choose(np.array([9]), "box")
    assert not selection.can_redo


def test_what_changes_nothing_is_no_step() -> None:
    selection = Selection()
    selection.clear()
    selection.choose(np.array([1]), "lasso")
    selection.choose(np.array([1]), "lasso")
    selection.undo()
    assert not selection.can_undo


def test_another_dataset_has_a_selection_of_its_own() -> None:
    selection = Selection()
    selection.enter("a")
    selection.choose(np.array([1]), "lasso")
    selection.enter("a")
    assert chosen(selection) == [1]
    selection.enter("b")
    assert chosen(selection) == []
    assert not selection.can_undo


def test_a_selection_survives_a_map_that_lacks_some_of_it() -> None:
    scatter = Scatter()
    cloud, solid = (Cloud.of(np.arange(n), np.zeros((n, d), dtype=np.float32)) for n, d in ((6, 2), (3, 3)))
    scatter.enter(cloud, None)
    scatter.select(points_where(cloud, [True, True, False, False, False, True]), "lasso")
    scatter.enter(solid, None, keep=True)
    assert scatter.selected is not None
    assert mask_of(solid, scatter.selected).tolist() == [True, True, False]
    assert chosen(scatter.selection) == [0, 1, 5]
    scatter.selection.undo()
    assert scatter.selected is None


def test_a_selection_is_isolated_and_stays_selected_while_hidden() -> None:
    scatter = Scatter()
    cloud = Cloud.of(np.arange(4), np.zeros((4, 2), dtype=np.float32))
    scatter.enter(cloud, None)
    scatter.select(points_where(cloud, [True, True, False, False]), "lasso")
    scatter.isolate_rows(scatter.selection.rows)
    assert scatter.shown is not None
    assert mask_of(cloud, scatter.shown).tolist() == [True, True, False, False]
    assert scatter.filters() == ("selection",)
    scatter.selection.invert(np.arange(4), "inverted")
    assert mask_of(cloud, scatter.shown).tolist() == [True, True, False, False]
    scatter.select(cloud.every, "box")
    assert chosen(scatter.selection) == [0, 1]
    scatter.show_all()
    assert len(scatter.shown) == 4
