"""The explanation service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import grpc
import numpy as np
from numpy.typing import NDArray

from latentspace.explanation.v1 import explanation_pb2 as pb
from latentspace.explanation.v1 import explanation_pb2_grpc
from lse import names
from lse.errors import InvalidArgumentError
from lse.platform.catalogue import ClusteringRecord, DatasetRecord, EncoderRecord, ProjectionRecord
from lse.platform.wiring import Platform
from lse.representation.explanation import pictures, saliency
from lse.representation.explanation.prototypes import cluster_prototypes
from lse.representation.explanation.traversal import (
    draw,
    latent_axes,
    places_along,
    places_between,
    principal_axes,
    random_places,
)
from lse.services.explanation.concepts import ConceptBook
from lse.services.explanation.spaces import Space, Spaces

__all__ = ["ExplanationServicer", "register"]

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")

# Explanations compute in threads of their own, so that they hold up neither each other's process nor other calls.
_THREADS = 2
# The arrays of an answer; with its picture it stays below the limit of a message.
_ANSWER_BYTES = 13_000_000
_MOST_STEPS = 33


def register(server: grpc.aio.Server, platform: Platform) -> str:
    """Add the service to a server; its full name."""
    explanation_pb2_grpc.add_ExplanationServiceServicer_to_server(ExplanationServicer(platform), server)
    return str(pb.DESCRIPTOR.services_by_name["ExplanationService"].full_name)


class ExplanationServicer(explanation_pb2_grpc.ExplanationServiceServicer):
    """Answers ``latentspace.explanation.v1.ExplanationService``."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._resources = platform.resources
        self._spaces = Spaces(platform)
        self._concepts = ConceptBook(platform.artifacts)
        self._threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="explain")

    async def TraverseAxes(self, request: pb.TraverseAxesRequest, context: Any) -> pb.TraverseAxesResponse:
        """Draw what changes along latent axes."""
        return await self._aside(self._traverse, request)

    async def InterpolateImages(
        self, request: pb.InterpolateImagesRequest, context: Any
    ) -> pb.InterpolateImagesResponse:
        """Draw what lies between two images."""
        return await self._aside(self._interpolate, request)

    async def SampleImages(self, request: pb.SampleImagesRequest, context: Any) -> pb.SampleImagesResponse:
        """Draw new images."""
        return await self._aside(self._sample, request)

    async def ExplainSimilarity(
        self, request: pb.ExplainSimilarityRequest, context: Any
    ) -> pb.ExplainSimilarityResponse:
        """Show which pixels make two images close."""
        return await self._aside(self._explain, request)

    async def ListPrototypes(self, request: pb.ListPrototypesRequest, context: Any) -> pb.ListPrototypesResponse:
        """Find the images that stand best for each cluster."""
        return await self._aside(self._prototypes, request)

    async def ListConcepts(self, request: pb.ListConceptsRequest, context: Any) -> pb.ListConceptsResponse:
        """Learn the concepts of a latent space."""
        return await self._aside(self._list_concepts, request)

    async def ReadConceptStrengths(
        self, request: pb.ReadConceptStrengthsRequest, context: Any
    ) -> pb.ReadConceptStrengthsResponse:
        """Read the strength of a concept in every image."""
        return await self._aside(self._strengths, request)

    async def _aside(self, function: Callable[[_Request], _Response], request: _Request) -> _Response:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, request)

    def _traverse(self, request: pb.TraverseAxesRequest) -> pb.TraverseAxesResponse:
        steps = _chosen(request.step_count, 7, least=2, most=_MOST_STEPS, what="images along an axis")
        reach = request.reach or 3.0
        if not 0 < reach <= 100:
            raise InvalidArgumentError(
                f"A reach of {reach:g} standard deviations is not possible: choose up to 100.", reason="REACH_INVALID"
            )
        space = self._spaces.space(request.experiment)
        start_row = space.row(request.image) if request.image else None
        decoder = space.decoder()
        statistics = space.statistics
        if request.axes:
            axes = latent_axes(statistics, request.axes)
        else:
            dimension = len(statistics.mean)
            usual = max(1, min(5, _ANSWER_BYTES // (steps * space.image_bytes)))
            count = _chosen(request.component_count, usual, least=1, most=4096, what="principal components")
            axes = principal_axes(statistics, min(count, dimension))
        _check_answer(len(axes) * steps, space.image_bytes, "follow fewer axes, or take fewer steps")
        start = statistics.mean if start_row is None else space.vectors([start_row])[0]
        traversals = []
        for axis in axes:
            positions, vectors = places_along(start, axis, steps=steps, reach=reach)
            traversals.append((axis, positions, draw(decoder.encoder, decoder.decoder, vectors)))
        return pb.TraverseAxesResponse(
            traversals=[
                pb.Traversal(
                    axis=axis.name, variance_share=axis.variance_share, positions=positions, images=_pixels(images)
                )
                for axis, positions, images in traversals
            ],
            png=pictures.traversal_picture(
                space.display,
                traversals,
                start="" if start_row is None else space.ids([start_row])[0],
                experiment=space.experiment.id,
            ),
        )

    def _interpolate(self, request: pb.InterpolateImagesRequest) -> pb.InterpolateImagesResponse:
        steps = _chosen(request.step_count, 9, least=2, most=_MOST_STEPS, what="images on the way")
        space = self._spaces.space(request.experiment)
        rows = _two_rows(space, request.first_image, request.second_image)
        decoder = space.decoder()
        _check_answer(steps, space.image_bytes, "take fewer steps")
        vectors = places_between(*space.vectors(rows), steps=steps)
        drawn = draw(decoder.encoder, decoder.decoder, vectors)
        nearest = space.nearest(vectors)
        found = space.ids(nearest)
        return pb.InterpolateImagesResponse(
            images=_pixels(drawn),
            nearest_images=[names.image_of(space.dataset.name, each) for each in found],
            png=pictures.path_picture(
                space.display,
                drawn,
                space.images(nearest),
                found,
                ends=_two_ids(space, rows),
                experiment=space.experiment.id,
            ),
        )

    def _sample(self, request: pb.SampleImagesRequest) -> pb.SampleImagesResponse:
        count = _chosen(request.image_count, 16, least=1, most=256, what="images")
        record = self._resources.get_ready(request.encoder, EncoderRecord)
        self._spaces.prior(record)
        decoder = self._spaces.decoder(record)
        encoder = decoder.encoder
        _check_answer(count, 4 * encoder.channels * encoder.size**2, "draw fewer images")
        dataset = self._resources.get_ready(record.version().dataset, DatasetRecord)
        images = draw(encoder, decoder.decoder, random_places(count, encoder.dimension, seed=request.seed))
        display = self._spaces.displays(dataset.result.images_uri)
        return pb.SampleImagesResponse(
            images=_pixels(images),
            png=pictures.sample_picture(display, images, encoder=record.id, seed=request.seed),
        )

    def _explain(self, request: pb.ExplainSimilarityRequest) -> pb.ExplainSimilarityResponse:
        space = self._spaces.space(request.experiment)
        rows = _two_rows(space, request.first_image, request.second_image)
        _check_answer(2, space.image_bytes, "use a dataset of smaller images")
        network = space.network()
        images = space.images(rows)
        found = (
            saliency.occlusion(space.encode(), images)
            if network is None
            else saliency.integrated_gradients(network, images)
        )
        return pb.ExplainSimilarityResponse(
            cosine=found.cosine,
            saliency=_pixels(found.attributions),
            band_shares=found.band_shares,
            baseline_cosines=found.baseline_cosines,
            method=found.method,
            png=pictures.similarity_picture(
                space.display,
                images,
                found,
                names=_two_ids(space, rows),
                bands=space.bands,
                experiment=space.experiment.id,
            ),
        )

    def _list_concepts(self, request: pb.ListConceptsRequest) -> pb.ListConceptsResponse:
        count = _chosen(request.concept_count, 256, least=2, most=512, what="concepts")
        shown = _chosen(request.image_count, 8, least=1, most=50, what="images of a concept")
        space = self._spaces.space(request.experiment)
        concepts = self._concepts.concepts(space, count=count, seed=request.seed)
        strengths = concepts.strengths(self._concepts.vectors(space))
        followed, notes = self._concepts.followed(space, strengths)
        shown = min(shown, len(strengths))
        found = []
        for number, best in enumerate(followed):
            own = strengths[:, number]
            top = np.argpartition(-own, shown - 1)[:shown]
            rows = top[np.argsort(-own[top], kind="stable")]
            found.append(
                pb.Concept(
                    concept=number,
                    image_count=int(concepts.counts[number]),
                    images=[names.image_of(space.dataset.name, each) for each in space.ids(rows)],
                    followed_property=best.text if best else "",
                    auroc=best.auroc if best else None,
                    p_value=best.p_value if best else None,
                )
            )
        return pb.ListConceptsResponse(concepts=found, explained_variance=concepts.explained, notes=notes)

    def _strengths(self, request: pb.ReadConceptStrengthsRequest) -> pb.ReadConceptStrengthsResponse:
        count = _chosen(request.concept_count, 256, least=2, most=512, what="concepts")
        space = self._spaces.space(request.experiment)
        found = self._concepts.strengths(space, request.concept, count=count, seed=request.seed)
        return pb.ReadConceptStrengthsResponse(values=np.ascontiguousarray(found, "<f4").tobytes())

    def _prototypes(self, request: pb.ListPrototypesRequest) -> pb.ListPrototypesResponse:
        count = _chosen(request.prototype_count, 5, least=1, most=50, what="prototypes of a cluster")
        space = self._spaces.space(names.CLUSTERING.parent(request.clustering))
        clustering = self._resources.get_ready(request.clustering, ClusteringRecord)
        artifacts, projection = self._platform.artifacts, clustering.spec.projection
        points_uri = (
            self._resources.get_ready(projection, ProjectionRecord).result.coordinates_uri
            if projection
            else space.experiment.result.vectors_uri
        )
        labels = artifacts.read_array(clustering.result.labels_uri)
        found = cluster_prototypes(
            artifacts.read_array(points_uri),
            labels,
            count=count,
            metric="euclidean" if projection else "cosine",
            diverse=request.diverse,
            seed=clustering.spec.seed,
        )
        if not found:
            raise InvalidArgumentError(
                f"The clustering '{clustering.id}' found noise only, and noise has no prototypes.",
                reason="CLUSTERS_MISSING",
            )
        ids = {cluster: space.ids(rows) for cluster, rows in found.items()}
        sizes = np.bincount(labels[labels >= 0])

        def drawn() -> Iterator[tuple[int, int, list[str], NDArray[np.float32]]]:
            for cluster in list(found)[: pictures.MOST_CLUSTERS]:
                yield cluster, int(sizes[cluster]), ids[cluster], space.images(found[cluster])

        return pb.ListPrototypesResponse(
            clusters=[
                pb.ClusterPrototypes(
                    cluster=cluster, images=[names.image_of(space.dataset.name, each) for each in ids[cluster]]
                )
                for cluster in found
            ],
            png=pictures.prototypes_picture(
                space.display,
                drawn(),
                clustering=clustering.id,
                diverse=request.diverse,
                left=max(0, len(found) - pictures.MOST_CLUSTERS),
            ),
        )


def _chosen(given: int, usual: int, *, least: int, most: int, what: str) -> int:
    """A count that was asked for, the usual one where it is 0."""
    count = given or usual
    if not least <= count <= most:
        raise InvalidArgumentError(
            f"{count} {what} are not possible: choose {least} to {most}.", reason="COUNT_INVALID", count=count
        )
    return count


def _check_answer(images: int, image_bytes: int, advice: str) -> None:
    if images * image_bytes > _ANSWER_BYTES:
        raise InvalidArgumentError(
            f"{images} images of {image_bytes / 1e6:.1f} MB are more than an answer holds, which is "
            f"{_ANSWER_BYTES // image_bytes}: {advice}.",
            reason="ANSWER_TOO_LARGE",
            images=images,
        )


def _two_rows(space: Space, first: str, second: str) -> tuple[int, int]:
    rows = space.row(first), space.row(second)
    if rows[0] == rows[1]:
        raise InvalidArgumentError("Both images are the same: name two.", reason="IMAGE_PAIR_INVALID", image=first)
    return rows


def _two_ids(space: Space, rows: tuple[int, int]) -> tuple[str, str]:
    first, second = space.ids(rows)
    return first, second


def _pixels(images: NDArray[np.float32]) -> pb.PixelArray:
    return pb.PixelArray(shape=images.shape, values=np.ascontiguousarray(images, "<f4").tobytes())
