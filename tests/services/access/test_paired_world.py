"""What a member of a project is answered, with and without another project beside it: the same bytes."""

from __future__ import annotations

from pathlib import Path

import grpc
import numpy as np
import security_roles

from every_method import answers_of, as_bytes, filled_request, patterns_of
from guarded_services import Guarded, guarded_services
from lse.client import connect
from lse.platform.auth import Caller, Role, acting_as
from lse.platform.rpc.requirements import need_of
from lse.platform.vectors.edge_server import EdgeServer
from running_services import serving
from world import World

# One name for the resources of all kinds, in both projects.
IDS = dict.fromkeys(
    ("dataset", "experiment", "projection", "clustering", "prediction", "encoder", "label_scheme", "selection"), "one"
)
COUNT, DIMENSION = 12, 4


def furnish(guarded: Guarded, project: str, owner: str, *, seed: int) -> None:
    """Fill a project with one resource of each kind."""
    platform, random = guarded.platform, np.random.default_rng(seed)
    with acting_as(Caller(owner)):
        world = World(platform, f"projects/{project}")
        dataset = world.dataset("one", [{"redshift": 0.1 * row + seed} for row in range(COUNT)])
        world.encoder("one", dataset)
        vectors = random.normal(size=(COUNT, DIMENSION)).astype(np.float32)
        experiment = world.experiment("one", dataset, vectors)
        world.projection("one", experiment, random.normal(size=(COUNT, 2)).astype(np.float32))
        labels = random.integers(0, 2, COUNT).astype(np.int32)
        world.clustering("one", experiment, labels=labels, memberships=np.ones(COUNT, np.float32))
        world.prediction("one", experiment, ["a", "b"], random.dirichlet([1, 1], COUNT).astype(np.float32))
    platform.vectors.create_collection(experiment.uid, dimension=DIMENSION, indexed={"name": "keyword"})
    payloads = [{"name": f"image-{row:04d}", "cluster.one": int(labels[row])} for row in range(COUNT)]
    platform.vectors.upsert(experiment.uid, np.arange(COUNT), vectors, payloads)
    with connect(guarded.address, token=guarded.user(owner), project=project) as client:
        client.label_schemes.create("one", classes=["a", "b"])
        client.labels.set("one", dataset="one", rows=[1, 2, 5], label="a")
        client.labels.set("one", dataset="one", rows=[3], label="b")
        client.selections.create("one", dataset="one", rows=[1, 4])
        assert len(client.search.similar("one", image="image-0003", k=5)) == 5


def answers(guarded: Guarded, user: str, project: str) -> dict[str, list[bytes]]:
    """What a user is answered by every method that changes nothing."""
    methods = list(security_roles.declared_methods())
    patterns, found, token = patterns_of(methods), {}, guarded.user(user)
    with grpc.insecure_channel(guarded.address) as channel:
        for method in methods:
            need = need_of(method)
            assert need is not None
            if need.changes or need.level == "anyone" or method.startswith("grpc."):
                continue
            ids = {**IDS, "project": project, "image": "image-0003"}
            request = filled_request(method, patterns if need.level != "login" else {}, ids)
            if method.endswith("SearchService/SearchImages"):
                request.image = f"projects/{project}/datasets/one/images/image-0003"
            found[method] = as_bytes(answers_of(channel, method, request, token))
    return found


def test_another_project_changes_no_answer(tmp_path: Path) -> None:
    with (
        serving(EdgeServer(tmp_path / "vectors")) as edge,
        guarded_services(tmp_path / "guarded", vectors_url=f"http://{edge.address}") as guarded,
    ):
        furnish(guarded, "p", "ada", seed=1)
        before, outside = answers(guarded, "ada", "p"), answers(guarded, "ada", "later")
        with acting_as(Caller("root")):
            guarded.platform.access.projects.create("later")
            guarded.platform.access.members.create("projects/later", "user:bo", Role.ADMIN)
        furnish(guarded, "later", "bo", seed=2)
        after = answers(guarded, "ada", "p")
        assert len(before) > 40
        assert {method for method in before if before[method] != after[method]} == set()
        # Nor does one who is not a member hear anything of what came to be.
        still = answers(guarded, "ada", "later")
        assert {method for method in outside if outside[method] != still[method]} == set()
        # And the same questions have other answers for those who are: the comparison sees something.
        there = answers(guarded, "bo", "later")
        assert sum(there[method] != before[method] for method in before) > 20
        assert sum(there[method] != still[method] for method in before) > 30
