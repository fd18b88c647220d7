"""Labelling blind: nothing of what others or predictions say is shown, and what two experts said is compared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lse.client import Client, connect
from lse_dashboard.data.library import Library
from lse_dashboard.data.link import Link
from lse_dashboard.data.opening import Wanted, wanted_of
from lse_dashboard.state.background import immediately
from lse_dashboard.state.review import SECOND
from lse_dashboard.state.session import Session
from lse_dashboard.state.view import KeptView
from lse_dashboard.views.agreement import agreement_table
from quick_services import client_of, opened_world

SCHEME = "blind"


@pytest.fixture
def other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Client of another expert, who labelled ten images and noted something about one; a prediction followed."""
    monkeypatch.delenv("LSE_CONFIG", raising=False)
    random = np.random.default_rng(1)
    with opened_world(tmp_path) as world, client_of(world) as client:
        dataset = world.dataset(
            "d", [{"ra_deg": row / 2, "dec_deg": row % 5.0, "kind": "ab"[row % 2]} for row in range(24)]
        )
        experiment = world.experiment("first", dataset, random.normal(size=(24, 5)))
        world.projection("flat", experiment, random.normal(size=(24, 2)).astype(np.float32))
        world.clustering("two", experiment, labels=np.arange(24) % 2, memberships=np.ones(24))
        world.prediction("guess", experiment, ["round", "flat"], random.dirichlet([1, 1], size=24))
        with connect(client.address, project="p", token="Ada") as other:
            other.label_schemes.create(SCHEME, classes=["round", "flat"])
            other.labels.set(SCHEME, dataset="d", rows=range(5), label="round")
            other.labels.set(SCHEME, dataset="d", rows=range(5, 10), label="flat")
            other.remarks.set("d", rows=[3], interest=5, note="mine")
            yield other


@pytest.fixture
def session(other: Client) -> Session:
    """The page of an expert who is somebody else."""
    library = Library(lambda: connect(other.address, project=other.project))
    session = Session(library, immediately, project=other.project, first=Wanted("first"))
    session.start()
    assert session.problem == ""
    return session


def test_blind_labelling_shows_nothing_of_others(session: Session) -> None:
    session.choose_colour("prediction:guess")
    session.filters.add(f"label:{SCHEME}")
    assert session.scatter.colouring is not None
    assert session.labelling.labels.counts == {"round": 5, "flat": 5}
    assert session.remarks.of[3].note == "mine"

    session.look_blind(blind=True)
    assert session.colour_by == "clusters"
    assert session.filters.charts == {}
    assert session.contents.predictions == ()
    assert session.labelling.labels.of == {}
    assert session.remarks.of == {}
    said = [value.partition(":")[0] for some in session.colour_groups().values() for value in some.values()]
    assert {"column", "clusters"} <= set(said)
    assert not {"label", "prediction", "probability", "remark"} & set(said)
    # Neither a link nor a finished prediction shows it, and what is polled stays unseen.
    session.choose_colour(f"label:{SCHEME}")
    assert session.scatter.colouring is None
    session.show_result(f"projects/{session.project}/experiments/first/predictions/guess")
    assert session.colour_by == "clusters"
    session.poll()
    assert session.contents.predictions == ()

    session.look_blind(blind=False)
    assert session.labelling.labels.counts == {"round": 5, "flat": 5}
    assert [one.id for one in session.contents.predictions] == ["guess"]


def test_a_blind_expert_says_what_is_compared_later(session: Session, other: Client) -> None:
    session.look_blind(blind=True)
    session.aside = "review"
    session.review.start(SECOND)
    assert sorted(item.row for item in session.review.queue) == list(range(10))
    last = session.review.queue[-1].row
    for item in session.review.queue:
        session.label("flat" if item.row > 3 else "round")
    assert session.review.queue == ()
    assert session.labelling.labels.counts == {"round": 4, "flat": 6}
    # How many labels in force changed would say what the other one said.
    assert session.labelling.said in {"1 labelled as flat.", "1 labelled as round."}
    session.labelling.undo()
    assert sum(session.labelling.labels.counts.values()) == 9
    session.labelling.compare_experts()
    assert session.labelling.agreement is None

    session.look_blind(blind=False)
    session.labelling.compare_experts()
    found = session.labelling.agreement
    assert found is not None
    assert found == other.labels.agreement(SCHEME, dataset="d")
    assert found.disputed_rows == (() if last == 4 else (4,))
    assert found.shared == 9
    shown = str(agreement_table(found))
    assert found.pairs[0].kappa is not None
    assert all(text in shown for text in ("Ada", f"{found.pairs[0].kappa:.2f}", f"{found.alpha:.3f}"))
    assert ("Select the 1 in dispute" in shown) == (found.disputed_rows == (4,))
    # Where one's own label is taken away, that of the other one is back.
    row = next(row for row in range(10) if row != last)
    session.labelling.give("", np.array([row]))
    assert session.labelling.labels.of[row].author == "Ada"


def test_labels_of_others_appear_while_the_page_is_open(session: Session, other: Client) -> None:
    for label, counts in (("flat", {"flat": 24}), ("", {})):
        other.labels.set(SCHEME, dataset="d", rows=range(24), label=label)
        for _ in range(2):  # looks of the page, of which not each asks
            session.poll()
        assert session.labelling.labels.counts == counts


def test_a_region_of_the_sky_sets_a_selection_apart(session: Session) -> None:
    session.summary.wanted = True
    session.selection.choose(np.arange(8), "lasso")
    assert session.summary.problem == ""
    found = session.summary.comparison
    assert found is not None
    assert (found.differences[0].column, found.differences[0].effect) == ("ra_deg", -1.0)
    assert {one.column for one in found.differences} == {"ra_deg", "dec_deg"}


def test_a_link_keeps_it(session: Session) -> None:
    kept = KeptView(session)
    session.look_blind(blind=True)
    assert kept.link.blind
    assert Link.of(kept.query).blind
    again = Session(session.library, immediately, project=session.project, first=wanted_of(Link.of(kept.query)))
    again.start()
    assert again.labelling.blind
    assert again.contents.predictions == ()
