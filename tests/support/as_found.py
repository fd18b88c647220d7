"""What a test adds to a project that others look at as well is taken away again, also where the test fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lse.client import Client

__all__ = ["left_as_found"]

_BELOW_EXPERIMENTS = ("predictions", "clusterings", "projections")
# What is made of others comes first.
_OF_THE_PROJECT = ("experiments", "encoders", "datasets", "label_schemes", "selections", "bookmarks")


@contextmanager
def left_as_found(client: Client) -> Iterator[None]:
    """Delete at the end whatever was not there at the beginning: a second try begins as the first."""
    found = _resources(client)
    try:
        yield
    finally:
        for kind, *ids in _resources(client):
            if (kind, *ids) not in found:
                getattr(client, kind).delete(*ids)


def _resources(client: Client) -> list[tuple[str, ...]]:
    """Kind and ids of all there is, in an order in which they can be deleted."""
    below = [
        (kind, experiment.id, resource.id)
        for kind in _BELOW_EXPERIMENTS
        for experiment in client.experiments.list()
        for resource in getattr(client, kind).list(experiment.id)
    ]
    return below + [(kind, resource.id) for kind in _OF_THE_PROJECT for resource in getattr(client, kind).list()]
