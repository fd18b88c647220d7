"""Where a picture of a map comes from: what anyone needs to make it again."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version

from lse.client.resources import Clustering, Projection
from lse.values import value_text
from lse_dashboard import wording
from lse_dashboard.data.library import ProjectContents

__all__ = ["provenance"]

_WORDS = wording.Provenance


def provenance(
    contents: ProjectContents, projection: Projection | None, clustering: Clustering | None
) -> tuple[tuple[str, str], ...]:
    """Titles and values of what made a map: dataset, encoder, methods with all their parameters, program, time.

    Parameters
    ----------
    contents
        What is open.
    projection, clustering
        What is shown of it.
    """
    experiment, dataset = contents.experiment, contents.dataset
    if experiment is None or dataset is None:
        return ()
    simulated = f" ({wording.SIMULATED.lower()})" if dataset.simulated else ""
    encoder = _WORDS.IMPORTED
    if experiment.encoder:
        name = experiment.encoder.rsplit("/", 1)[-1]
        encoder = _WORDS.ENCODER_VERSION.format(name=name, version=experiment.encoder_version)
    lines = [
        (_WORDS.EXPERIMENT, experiment.id),
        (_WORDS.DATASET, _WORDS.IMAGES.format(name=dataset.id, count=dataset.prepared) + simulated),
        (_WORDS.ENCODER, encoder),
    ]
    lines += [
        (title, f"{made.id}: {_with_parameters(made)}")
        for title, made in ((_WORDS.PROJECTION, projection), (_WORDS.CLUSTERING, clustering))
        if made is not None
    ]
    now = datetime.now(UTC)
    lines.append((_WORDS.MADE, _WORDS.WITH.format(time=now, version=version("latent-space-explorer"))))
    return tuple(lines)


def _with_parameters(made: Projection | Clustering) -> str:
    given = ", ".join(
        f"{key} {value_text(value) if isinstance(value, int | float) else value}"
        for key, value in made.parameters.items()
        if value is not None
    )
    return f"{made.method} ({given})" if given else made.method
