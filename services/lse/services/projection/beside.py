"""What a map is made with beside the vectors: classes of the images, and an earlier map of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from lse import names
from lse.errors import InvalidArgumentError
from lse.platform.artifacts import Artifacts
from lse.platform.catalogue import DatasetRecord, ExperimentRecord, LabelSchemeRecord, ProjectionRecord, Resources
from lse.platform.catalogue.labels import read_labels
from lse.platform.catalogue.records.projection import ProjectionSpec
from lse.platform.prepared_images import prepared_images
from lse.platform.stores import Stores

__all__ = ["Beside", "check_beside", "keep_beside"]

# As the columns of an export are called.
_SCHEME = "label."


@dataclass(frozen=True)
class Beside:
    """Where what is given beside the vectors lies; empty where nothing is.

    Attributes
    ----------
    targets_uri
        Parquet table with the column ``target``, one line an image.
    earlier_uri
        Zarr array of the coordinates of the earlier map.
    """

    targets_uri: str = ""
    earlier_uri: str = ""

    def targets(self, artifacts: Artifacts) -> list[str | None] | None:
        """Classes of the images."""
        return artifacts.read_table(self.targets_uri)["target"].to_pylist() if self.targets_uri else None

    def earlier(self, artifacts: Artifacts) -> np.ndarray | None:
        """Places on the earlier map."""
        return artifacts.read_array(self.earlier_uri) if self.earlier_uri else None


def check_beside(resources: Resources, experiment: ExperimentRecord, spec: ProjectionSpec) -> None:
    """Refuse what is not there before the work begins.

    Raises
    ------
    NotFoundError
        There is no such label scheme or projection.
    InvalidArgumentError
        There is no such column, or the earlier map is of another dataset or of other dimensions.
    """
    if spec.target.startswith(_SCHEME):
        _scheme(resources, experiment, spec.target)
    elif spec.target:
        resources.get_ready(experiment.spec.dataset, DatasetRecord).check_column(spec.target)
    if spec.align_to:
        found = _projection(resources, experiment, spec.align_to)
        other = resources.get_ready(found.parent, ExperimentRecord)
        if other.spec.dataset != experiment.spec.dataset:
            raise InvalidArgumentError(
                f"The projection '{found.id}' is of '{other.id}', an experiment of another dataset: align to a map of "
                "the same images.",
                reason="DATASET_MISMATCH",
            )


def keep_beside(platform: Stores, experiment: ExperimentRecord, spec: ProjectionSpec, folder: str) -> Beside:
    """Keep the classes of this moment in a folder, and find the earlier map."""
    targets_uri = earlier_uri = ""
    if target := spec.target:
        targets_uri = f"{folder}/targets.parquet"
        dataset = platform.resources.get_ready(experiment.spec.dataset, DatasetRecord)
        classes = np.full(experiment.result.image_count, None, dtype=object)
        if target.startswith(_SCHEME):
            said = read_labels(platform.catalogue, _scheme(platform.resources, experiment, target), dataset)
            rows, labels = said["row"].to_numpy(), np.array(said["label"].to_pylist(), dtype=object)
        else:
            found = prepared_images(platform.artifacts, dataset.result.table_uri, ["row", target])
            rows = found["row"].to_numpy()
            labels = np.array(found[target].cast(pa.string()).to_pylist(), dtype=object)
        here = rows < len(classes)
        classes[rows[here]] = labels[here]
        platform.artifacts.write_table(targets_uri, pa.table({"target": pa.array(classes.tolist(), pa.string())}))
    if spec.align_to:
        earlier_uri = _projection(platform.resources, experiment, spec.align_to).result.coordinates_uri
    return Beside(targets_uri, earlier_uri)


def _scheme(resources: Resources, experiment: ExperimentRecord, target: str) -> LabelSchemeRecord:
    project = names.PROJECT.parse(experiment.parent)[0]
    return resources.get_ready(names.LABEL_SCHEME.format(project, target.removeprefix(_SCHEME)), LabelSchemeRecord)


def _projection(resources: Resources, experiment: ExperimentRecord, earlier: str) -> ProjectionRecord:
    """Projection named in the experiment, as ``EXPERIMENT/NAME``, or in full; never one of another project."""
    other, _, last = earlier.rpartition("/")
    if other.count("/"):
        _, other, last = names.PROJECTION.parse(earlier)
    # Who may see this experiment may see its project, and no other.
    project = names.PROJECT.parse(experiment.parent)[0]
    name = names.PROJECTION.format(project, other or experiment.id, last)
    names.PROJECTION.parse(name)
    return resources.get_ready(name, ProjectionRecord)
