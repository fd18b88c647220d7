"""Experiments that are asked about again and again, with their datasets: read anew only when they changed."""

from __future__ import annotations

from lse.platform.catalogue.records import DatasetRecord, ExperimentRecord
from lse.platform.catalogue.resources import Resources

__all__ = ["RecentExperiments"]

_MOST = 64

_Pair = tuple[ExperimentRecord, DatasetRecord]


class RecentExperiments:
    """Ready experiments with their datasets, of which one short query says whether they are as they were.

    Parameters
    ----------
    resources
        Where they are kept.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._known: dict[str, _Pair] = {}

    def get(self, name: str) -> _Pair:
        """Experiment of a name and its dataset, as they are now; errors as of `Resources.get_ready`."""
        if known := self._known.get(name):
            stamps = {record.name: (record.uid, record.update_time) for record in known}
            if self._resources.changed_when(stamps) == stamps:
                return known
        experiment = self._resources.get_ready(name, ExperimentRecord)
        found = experiment, self._resources.get_ready(experiment.spec.dataset, DatasetRecord)
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[name] = found
        return found
