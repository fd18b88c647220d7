"""How a Qdrant server keeps collections: shards, copies, and what of the vectors lies in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from qdrant_client import QdrantClient, models

from lse.errors import InvalidArgumentError, UnimplementedError

__all__ = ["MemoryTier", "Placement", "Quantization", "create_placed", "layout_of", "oversampling_of"]

Quantization = Literal["auto", "none", "int8", "turbo", "binary"]
MemoryTier = Literal["ram", "codes", "disk"]

_LARGE_BYTES = 2**30
# How many times the wanted points are compared by their vectors, so that the recall is that of the index without codes;
# binary codes of a hundred numbers stay below it: `docs/performance.md` has the figures.
_CODES = {models.ScalarQuantization: "int8", models.TurboQuantization: "4-bit", models.BinaryQuantization: "binary"}
_OVERSAMPLING = {models.ScalarQuantization: 2.0, models.TurboQuantization: 8.0, models.BinaryQuantization: 16.0}


@dataclass(frozen=True)
class Placement:
    """How new collections are laid out; what is None is left to the server.

    Attributes
    ----------
    shards
        Pieces that a collection is cut into, which the nodes share.
    replicas
        Copies of each piece, on as many nodes.  With one, a node that restarts takes its pieces away from searches.
    write_consistency
        Copies that must have a change before it is acknowledged.
    quantization
        Codes that a search compares first: ``int8`` takes a quarter of the bytes of a vector, ``turbo`` an eighth,
        ``binary`` a thirty-second.  ``auto`` takes none up to 1 GiB of vectors, above that int8
        with the vectors on disk.
    memory
        What lies in memory: ``ram`` everything; ``codes`` the links of the index and the codes, with the vectors on
        disk; ``disk`` nothing but what the operating system caches.

    Raises
    ------
    InvalidArgumentError
        If the values contradict one another.
    """

    shards: int | None = None
    replicas: int | None = None
    write_consistency: int | None = None
    quantization: Quantization = "auto"
    memory: MemoryTier = "ram"

    def __post_init__(self) -> None:
        if self.memory == "codes" and self.quantization == "none":
            raise InvalidArgumentError(
                "vectors_memory is 'codes', but there are no codes without quantisation: set vectors_quantization to "
                "int8, turbo or binary.",
                reason="COLLECTION_SETTINGS_INVALID",
            )
        if (self.write_consistency or 1) > (self.replicas or 1):
            raise InvalidArgumentError(
                f"vectors_write_consistency is {self.write_consistency}, but there are {self.replicas or 1} copies of "
                "each shard: raise vectors_replicas.",
                reason="COLLECTION_SETTINGS_INVALID",
            )

    def for_vectors(self, count: int, dimension: int) -> Placement:
        """Layout of so many vectors, with what was left to their size chosen."""
        if self.quantization != "auto":
            return self
        if self.memory == "codes" or count * dimension * 4 > _LARGE_BYTES:
            return replace(self, quantization="int8", memory="disk" if self.memory == "disk" else "codes")
        return replace(self, quantization="none")

    def arguments(self) -> dict[str, Any]:
        """What `QdrantClient.create_collection` takes beside the vectors.

        The older flags of memory are used: newer servers still know them, older ones pass over the newer field.
        """
        on_disk = self.memory == "disk"
        given = {
            "shard_number": self.shards,
            "replication_factor": self.replicas,
            "write_consistency_factor": self.write_consistency,
            "hnsw_config": models.HnswConfigDiff(on_disk=True) if on_disk else None,
            "quantization_config": _codes(self.quantization, always_ram=None if on_disk else True),
        }
        return {key: value for key, value in given.items() if value is not None}

    @property
    def vectors_on_disk(self) -> bool | None:
        """Whether the vectors themselves stay on disk; None leaves it to the server."""
        return None if self.memory == "ram" else True

    def differs_from(self, config: models.CollectionConfig) -> str:
        """The first setting that a server did not take, in words; empty where it took all.

        A server that is too old for a field passes over it in silence.
        """
        asked = self.arguments()
        if type(config.quantization_config) is not type(asked.get("quantization_config")):
            return f"no {self.quantization} codes"
        for key in ("shard_number", "replication_factor", "write_consistency_factor"):
            kept = getattr(config.params, key)
            if key in asked and kept != asked[key]:
                return f"{key} {kept} instead of {asked[key]}"
        return ""


def create_placed(
    client: QdrantClient, name: str, dimension: int, distance: models.Distance, *, placement: Placement
) -> None:
    """Make a collection by a placement, and see that the server took all of it.

    Raises
    ------
    UnimplementedError
        If it did not; the collection is gone then.
    """
    params = models.VectorParams(size=dimension, distance=distance, on_disk=placement.vectors_on_disk)
    client.create_collection(name, vectors_config=params, **placement.arguments())
    if placement == Placement(quantization="none"):
        return
    if lacking := placement.differs_from(client.get_collection(name).config):
        client.delete_collection(name)
        raise UnimplementedError(
            f"The vector store made a collection with {lacking}, which is not what the settings ask for: use a newer "
            "Qdrant server, or change vectors_shards, vectors_replicas, vectors_write_consistency or "
            "vectors_quantization.",
            reason="COLLECTION_SETTINGS_UNSUPPORTED",
        )


def oversampling_of(config: models.CollectionConfig) -> float | None:
    """How many times the wanted points are compared by their vectors; None where there are no codes."""
    return _OVERSAMPLING.get(type(config.quantization_config))  # type: ignore[arg-type]


def layout_of(config: models.CollectionConfig) -> str:
    """Sentence on codes and memory; empty where all vectors lie in memory as they are."""
    params: Any = config.params.vectors
    on_disk = bool(getattr(params, "on_disk", False))
    times, codes = oversampling_of(config), _CODES.get(type(config.quantization_config))  # type: ignore[arg-type]
    if times is None:
        return "The vectors of the search index are read from disk." if on_disk else ""
    where = "while the vectors are on disk" if on_disk else "beside the vectors"
    return (
        f"The search compares {codes} codes first, which lie {where}, and then "
        f"{times:g} times the images wanted by their vectors."
    )


def _codes(quantization: Quantization, *, always_ram: bool | None) -> Any:
    match quantization:
        case "int8":
            # The outermost hundredth of the values would cost all others a part of their 256 steps.
            scalar = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=0.99, always_ram=always_ram)
            return models.ScalarQuantization(scalar=scalar)
        case "turbo":
            turbo = models.TurboQuantQuantizationConfig(bits=models.TurboQuantBitSize.BITS4, always_ram=always_ram)
            return models.TurboQuantization(turbo=turbo)
        case "binary":
            return models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=always_ram))
        case _:
            return None
