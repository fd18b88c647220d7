"""A chain through the router of a cluster: ingest, vectors, map, clusters, search, rebuild; pods go in between.

python tests/cluster/chain.py ADDRESS FOLDER delete|keep
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from lse.client import Client, connect
from lse.errors import LseError


def delete_pods(selector: str) -> None:
    """Have pods of the release end, as a node does that is drained."""
    subprocess.run(["kubectl", "delete", "pod", "--wait=false", "--selector", selector], check=True)


def wait_for_services(client: Client) -> None:
    """Until the services answer again."""
    deadline = time.monotonic() + 240
    while True:
        try:
            client.ping()
        except LseError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
        else:
            return


def run(client: Client, vectors: Path, *, delete: bool) -> None:
    """The chain; `delete` takes the services and the worker away in the middle of it."""
    name = f"run-{int(time.time())}"
    operation = client.datasets.ingest(name, ["/data/artifacts/sources/images"], recipe={"size": 16})
    if delete:
        delete_pods("lse/serves=grpc")
    dataset = operation.wait(show_progress=False)
    # Waiting outlasts services that are away; other calls say so.
    wait_for_services(client)
    print("ingested", dataset.prepared, "attempts", client.operations.get(operation.id).attempts)
    rng = np.random.default_rng(1)
    np.save(vectors, rng.normal(size=(dataset.prepared, 16)).astype(np.float32))
    client.experiments.import_vectors(name, vectors, dataset=name).wait(show_progress=False)
    operation = client.projections.run(name, experiment=name, method="pca")
    if delete:
        delete_pods("app.kubernetes.io/component=worker")
    operation.wait(show_progress=False)
    wait_for_services(client)
    client.clusterings.run(name, experiment=name, method="kmeans", n_clusters=3).wait(show_progress=False)
    image = next(iter(client.datasets.images(name))).id
    before = [match.row for match in client.search.similar(name, image=image, k=5)]
    client.experiments.rebuild(name).wait(show_progress=False)
    assert [match.row for match in client.search.similar(name, image=image, k=5)] == before
    print("map, clusters, search and rebuild of", name)


def main() -> None:
    """Run the chain and say what is there."""
    address, folder, how = sys.argv[1:]
    with connect(address, project="cluster") as client:
        wait_for_services(client)
        run(client, Path(folder) / "vectors.npy", delete=how == "delete")
        wait_for_services(client)
        print("datasets:", *(each.id for each in client.datasets.list()))


if __name__ == "__main__":
    main()
