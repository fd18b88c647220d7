"""Full resource names from short ids, checked before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass

from lse.platform import names
from lse.platform.names import NamePattern, check_id

__all__ = ["Names", "new_name"]


@dataclass(frozen=True)
class Names:
    """Names of the resources of a project; each method takes a short id or a full name.

    Attributes
    ----------
    project
        Id of the project that short ids belong to.

    Raises
    ------
    InvalidArgumentError
        By every method, if what it is given cannot be such a name.
    """

    project: str

    def __post_init__(self) -> None:
        check_id(self.project, "project")

    @property
    def parent(self) -> str:
        """Name of the project."""
        return names.PROJECT.format(self.project)

    def dataset(self, value: str) -> str:
        """Name of a dataset."""
        return self._name(names.DATASET, self.parent, value)

    def image(self, dataset: str, value: str) -> str:
        """Name of an image of a dataset."""
        return self._name(names.IMAGE, dataset if "/" in value else self.dataset(dataset), value)

    def encoder(self, value: str) -> str:
        """Name of an encoder."""
        return self._name(names.ENCODER, self.parent, value)

    def experiment(self, value: str) -> str:
        """Name of an experiment."""
        return self._name(names.EXPERIMENT, self.parent, value)

    def projection(self, experiment: str, value: str) -> str:
        """Name of a projection of an experiment."""
        return self._name(names.PROJECTION, experiment if "/" in value else self.experiment(experiment), value)

    def clustering(self, experiment: str, value: str) -> str:
        """Name of a clustering of an experiment."""
        return self._name(names.CLUSTERING, experiment if "/" in value else self.experiment(experiment), value)

    def prediction(self, experiment: str, value: str) -> str:
        """Name of a prediction of an experiment."""
        return self._name(names.PREDICTION, experiment if "/" in value else self.experiment(experiment), value)

    def label_scheme(self, value: str) -> str:
        """Name of a label scheme."""
        return self._name(names.LABEL_SCHEME, self.parent, value)

    def selection(self, value: str) -> str:
        """Name of a selection."""
        return self._name(names.SELECTION, self.parent, value)

    def operation(self, value: str) -> str:
        """Name of an operation."""
        return self._name(names.OPERATION, self.parent, value)

    @staticmethod
    def _name(pattern: NamePattern, parent: str, value: str) -> str:
        collection = pattern.collections[-1]
        name = value if "/" in value else f"{parent}/{collection}/{value}"
        if "/" not in value:
            length = {"length": 200} if collection == "images" else {}
            check_id(value, pattern.kind, **length)
        pattern.parse(name)
        return name


def new_name(name: str) -> tuple[str, str]:
    """Parent and id in the full name of a resource that is to be made."""
    parent, _, short = name.rsplit("/", 2)
    return parent, short
