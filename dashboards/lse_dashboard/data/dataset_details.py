"""What a dataset was made of: its versions, what was noted, and which of its images are the same or nearly so."""

from __future__ import annotations

from dataclasses import dataclass

from lse.client import Client
from lse_dashboard import wording

__all__ = ["DatasetDetails", "dataset_details"]

_WORDS = wording.DatasetDetails
_MOST_GROUPS, _MOST_NAMES = 20, 12


@dataclass(frozen=True)
class DatasetDetails:
    """What is shown of a dataset on request.

    Attributes
    ----------
    dataset
        Its id.
    versions, notes
        A sentence each.
    alike
        For each group of alike images how alike they are, and their names, as far as shown.
    more_groups
        Groups that are not shown.
    """

    dataset: str
    versions: tuple[str, ...]
    notes: tuple[str, ...]
    alike: tuple[tuple[str, str], ...]
    more_groups: int


def dataset_details(client: Client, dataset: str, experiment: str) -> DatasetDetails:
    """Read a dataset; images that are nearly the same are found in an experiment where it is one of the dataset.

    Raises
    ------
    LseError
        It is gone, or the services are away.
    """
    found = client.datasets.get(dataset)
    own = any(one.id == experiment and one.dataset == found.name for one in client.experiments.list())
    pairs = client.datasets.duplicates(dataset, experiment=experiment if own else None).to_pylist()
    groups: dict[int, list[dict[str, object]]] = {}
    for pair in pairs:
        groups.setdefault(pair["group"], []).append(pair)
    shown = list(groups.values())[:_MOST_GROUPS]
    return DatasetDetails(
        dataset=dataset,
        versions=tuple(
            _WORDS.VERSION.format(version=one.version, prepared=one.prepared, rejected=one.rejected)
            for one in found.versions
        ),
        notes=tuple(found.notes),
        alike=tuple((_likeness(group), _names(group)) for group in shown),
        more_groups=len(groups) - len(shown),
    )


def _likeness(group: list[dict[str, object]]) -> str:
    similarities = [float(str(pair["similarity"])) for pair in group if pair["similarity"] is not None]
    return _WORDS.NEAR.format(similarity=min(similarities)) if similarities else _WORDS.SAME


def _names(group: list[dict[str, object]]) -> str:
    names = list(dict.fromkeys(str(pair[key]) for pair in group for key in ("name", "other_name")))
    more = _WORDS.MORE_IMAGES.format(count=len(names) - _MOST_NAMES) if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
