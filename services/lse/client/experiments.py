"""Experiments: encode, import, read vectors."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from latentspace.encoding.v1 import encoding_pb2 as pb
from latentspace.search.v1 import search_pb2
from lse.client.collection import ProjectCollection
from lse.client.operations import Operation
from lse.client.requests import check_count
from lse.client.resources import Experiment
from lse.errors import FailedPreconditionError, InvalidArgumentError
from lse.names import DATASET, ENCODER

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Experiments"]

_MOST_OUTLIERS = 100_000


class Experiments(ProjectCollection[Experiment]):
    """The experiments of a project."""

    def encode(
        self,
        name: str,
        *,
        dataset: str,
        encoder: str,
        encoder_version: int | None = None,
        neighbours: int | None = None,
        request_id: str | None = None,
    ) -> Operation[Experiment]:
        """Encode every prepared image of a dataset.

        Parameters
        ----------
        name
            Name of the experiment.
        dataset, encoder
            What is seen through what.
        encoder_version
            Version of the encoder (default: the one in use).
        neighbours
            Neighbours per image in the k-NN graph (default: chosen from the number of images).
        request_id
            UUID: the same one gives the same operation.
        """
        return self._make(
            "Encode{}",
            name,
            dataset=self._name(DATASET, dataset),
            encoder=self._name(ENCODER, encoder),
            encoder_version=encoder_version,
            neighbour_count=neighbours,
            request_id=request_id,
        )

    def import_vectors(
        self, name: str, path: str | Path, *, dataset: str, request_id: str | None = None
    ) -> Operation[Experiment]:
        """Make an experiment of ready vectors in a file on this machine, joined by image name."""
        file = Path(path).expanduser()
        return self._import(
            name,
            file,
            dataset=self._name(DATASET, dataset),
            file_name=file.name,
            request_id=request_id,
        )

    def rebuild(self, name: str, *, request_id: str | None = None) -> Operation[Experiment]:
        """Fill the collection of an experiment in the vector store anew, from its stored vectors.

        It restores one that was lost, and lays out one that is there as the settings of the services say now.
        Searches fail until it has ended.

        Parameters
        ----------
        name
            Its name.
        request_id
            UUID: the same one gives the same operation.
        """
        return self._start("Rebuild{}", name=self._full(name), request_id=request_id)

    def vectors(self, name: str, *, rows: Iterable[int] | None = None, columns: Iterable[str] = ()) -> pa.Table:
        """Vectors: columns ``row``, ``name`` and ``vector`` (fixed-size list of float32).

        Parameters
        ----------
        name
            Experiment.
        rows, columns
            Rows, such as an array or a range, which come in ascending order, and columns beside ``row`` (default: all).
        """
        return self._read(pb.ReadVectorsRequest(name=self._full(name)), rows, columns)

    def near_duplicates(self, name: str, *, min_similarity: float | None = None) -> pa.Table:
        """Images of an experiment that are nearly the same, by its neighbour graph.

        Parameters
        ----------
        name
            Experiment.
        min_similarity
            Cosine similarity from which two images count as nearly the same (default: their distance, 1 minus the
            cosine, is a tenth of the median of the nearest neighbours').

        Returns
        -------
        table
            Columns ``group`` (images linked by such pairs, from 0, the largest first), ``row``, ``name``, and of the
            most similar image of the group ``other_row``, ``other_name`` and ``similarity``.  The metadata of the
            schema have ``min_similarity``.
        """
        request = search_pb2.ReadNearDuplicatesRequest(name=self._full(name), min_similarity=min_similarity)
        return self._connection.table(request)

    def outliers(self, name: str, *, by: str = "knn_distance", k: int = 20) -> pa.Table:
        """Images that are most unusual in latent space, first the most unusual.

        Parameters
        ----------
        name
            Experiment.
        by
            Score to rank by: ``knn_distance``, ``lof``, ``isolation_forest`` or ``mahalanobis``.
        k
            Number of images wanted.

        Returns
        -------
        table
            Columns ``row``, ``name`` and all scores (float32), of which larger values are more unusual.
        """
        known = self.get(name).outlier_scores
        if not known:
            raise FailedPreconditionError(
                f"The experiment '{name}' was made before outlier scores were kept: encode the dataset again.",
                reason="OUTLIER_SCORES_MISSING",
                name=self._full(name),
            )
        if by not in known:
            raise InvalidArgumentError(
                f"'{by}' is not an outlier score: use {', '.join(known)}.", reason="CHOICE_UNKNOWN"
            )
        scores = self.vectors(name, columns=[by])
        best = scores.sort_by([(by, "descending")])["row"][: check_count(k, _MOST_OUTLIERS, "A list of outliers")]
        return self.vectors(name, rows=best.to_pylist(), columns=["name", *known]).sort_by([(by, "descending")])
