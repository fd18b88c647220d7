"""Explanations: what a latent space means in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from latentspace.explanation.v1 import explanation_pb2 as pb
from lse.client.resources import Concepts, ImagePath, ImageSamples, Prototypes, Similarity, Traversals
from lse.client.subject import Subject
from lse.names import CLUSTERING, ENCODER, EXPERIMENT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Explanations"]

# Networks are loaded when they are first asked for, and gradients of a large one take their time without a GPU.
_SECONDS = 300.0


class Explanations(Subject):
    """Explanations of the experiments and encoders of a project, as arrays and as pictures."""

    def traverse(
        self,
        experiment: str,
        *,
        image: str | int | None = None,
        row: int | None = None,
        axes: Sequence[int] = (),
        components: int | None = None,
        steps: int = 7,
        reach: float = 3.0,
    ) -> Traversals:
        """Draw what changes along axes of latent space.

        Parameters
        ----------
        experiment
            Experiment; its encoder must keep a decoder.
        image
            Image to start from, by its name or path (default: the mean of all vectors).
        row
            The same by its row.
        axes
            Latent axes to traverse, from 0 (default: the leading principal components).
        components
            Number of principal components to traverse (default: 5, fewer where images are large).
        steps
            Images along each axis, 2 to 33.
        reach
            Distance to either side in standard deviations of the vectors.
        """
        name = self._name(EXPERIMENT, experiment)
        start = image if row is None else row
        request = pb.TraverseAxesRequest(
            experiment=name,
            image="" if start is None else self._image(name, start),
            axes=axes,
            component_count=components or 0,
            step_count=steps,
            reach=reach,
        )
        return Traversals.from_pb(self._connection.call(request, timeout=_SECONDS))

    def interpolate(self, experiment: str, first: str | int, second: str | int, *, steps: int = 9) -> ImagePath:
        """Draw what lies between two images, and find the real images nearest to it.

        Parameters
        ----------
        experiment
            Experiment; its encoder must keep a decoder.
        first, second
            Images of the dataset, by their names, paths or, as numbers, rows.
        steps
            Images drawn, both ends included, 2 to 33.
        """
        name = self._name(EXPERIMENT, experiment)
        request = pb.InterpolateImagesRequest(
            experiment=name,
            first_image=self._image(name, first),
            second_image=self._image(name, second),
            step_count=steps,
        )
        return ImagePath.from_pb(self._connection.call(request, timeout=_SECONDS))

    def sample(self, encoder: str, *, count: int = 16, seed: int = 0) -> ImageSamples:
        """Draw new images from random vectors.

        Parameters
        ----------
        encoder
            Encoder whose space can be sampled, such as one of the method ``vae``.
        count
            Images, 1 to 256.
        seed
            Seed of the random vectors.
        """
        request = pb.SampleImagesRequest(encoder=self._name(ENCODER, encoder), image_count=count, seed=seed)
        return ImageSamples.from_pb(self._connection.call(request, timeout=_SECONDS))

    def similarity(self, experiment: str, first: str | int, second: str | int) -> Similarity:
        """Show which pixels, band by band, make two images close.

        Parameters
        ----------
        experiment
            Experiment with an encoder.
        first, second
            Images of the dataset, by their names, paths or, as numbers, rows.
        """
        name = self._name(EXPERIMENT, experiment)
        request = pb.ExplainSimilarityRequest(
            experiment=name, first_image=self._image(name, first), second_image=self._image(name, second)
        )
        return Similarity.from_pb(self._connection.call(request, timeout=_SECONDS))

    def prototypes(self, experiment: str, clustering: str, *, count: int = 5, diverse: bool = False) -> Prototypes:
        """Find the most representative images of each cluster.

        Parameters
        ----------
        experiment, clustering
            Clustering of an experiment.
        count
            Prototypes of each cluster, 1 to 50.
        diverse
            Take one representative of each of as many sub-clusters, which shows the diversity of a cluster, and not the
            images nearest to its centre.
        """
        request = pb.ListPrototypesRequest(
            clustering=self._name(CLUSTERING, experiment, clustering), prototype_count=count, diverse=diverse
        )
        return Prototypes.from_pb(self._connection.call(request, timeout=_SECONDS))

    def concepts(self, experiment: str, *, count: int = 256, images: int = 8, seed: int = 0) -> Concepts:
        """Learn the concepts of a latent space: directions of which a few at a time make up every vector.

        That takes up to a minute the first time.

        Parameters
        ----------
        experiment
            Experiment of 100 images or more.
        count
            Concepts, 2 to 512; fewer come out where images are few.
        images
            Strongest images of each, 1 to 50.
        seed
            Random seed.
        """
        request = pb.ListConceptsRequest(
            experiment=self._name(EXPERIMENT, experiment), concept_count=count, image_count=images, seed=seed
        )
        return Concepts.from_pb(self._connection.call(request, timeout=_SECONDS))

    def concept_strengths(
        self, experiment: str, concept: int, *, count: int = 256, seed: int = 0
    ) -> NDArray[np.float32]:
        """Strength of a concept in every image, float32 (n,) from -1 to 1, in the order of the rows.

        Parameters
        ----------
        experiment
            Experiment.
        concept
            Number of the concept.
        count, seed
            As the concepts were learnt with.
        """
        request = pb.ReadConceptStrengthsRequest(
            experiment=self._name(EXPERIMENT, experiment), concept=concept, concept_count=count, seed=seed
        )
        import numpy as np

        return np.frombuffer(self._connection.call(request, timeout=_SECONDS).values, "<f4")
