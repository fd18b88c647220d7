"""Codes and tiers of memory of an embedded collection: between Qdrant's messages, what is stored, and the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import qdrant_edge as edge
from qdrant_client import grpc as messages

from lse.errors import UnimplementedError
from lse.platform.vectors.edge_messages import refuse

__all__ = ["CollectionLayout"]

Codes = Literal["", "scalar", "turboquant", "binary"]


@dataclass(frozen=True)
class CollectionLayout:
    """What a search compares first, and what lies in memory.

    Attributes
    ----------
    codes
        Kind of the codes, as the protocol calls it; empty for none.
    codes_in_memory
        Whether the codes are kept in memory, or read from disk.
    quantile
        Share of the values that the steps of int8 codes cover; all of them where it is 0.
    bits
        Bits a number of TurboQuant, as the protocol counts them.
    vectors_on_disk, links_on_disk
        Whether the vectors and the links of the index are read from disk.
    """

    codes: Codes = ""
    codes_in_memory: bool = False
    quantile: float = 0.0
    bits: int = messages.TurboQuantBitSize.Bits4
    vectors_on_disk: bool = False
    links_on_disk: bool = False

    @classmethod
    def asked(cls, request: messages.CreateCollection) -> CollectionLayout:
        """Layout that a request asks for.

        Raises
        ------
        UnimplementedError
            It asks for what the embedded server lacks.
        """
        params, config = request.vectors_config.params, request.quantization_config
        refuse(config, "product")
        kind: Any = config.WhichOneof("quantization") or ""
        codes: Any = getattr(config, kind) if kind else None
        if codes is not None:
            refuse(codes, "memory", "encoding", "query_encoding")
            if kind == "scalar" and codes.type != messages.QuantizationType.Int8:
                raise UnimplementedError("The embedded vector server has scalar codes of type Int8 only.")
        return cls(
            codes=kind,
            codes_in_memory=bool(codes is not None and codes.always_ram),
            quantile=codes.quantile if kind == "scalar" else 0.0,
            bits=codes.bits if kind == "turboquant" and codes.HasField("bits") else cls.bits,
            vectors_on_disk=params.on_disk,
            links_on_disk=request.hnsw_config.on_disk,
        )

    def vector_params(self, dimension: int, distance: str) -> edge.EdgeVectorParams:
        """Vectors, as the engine is told of them."""
        memory = edge.Memory.Cold if self.vectors_on_disk else None
        return edge.EdgeVectorParams(size=dimension, distance=getattr(edge.Distance, distance), memory=memory)

    def index(self, m: int, ef_construct: int, full_scan_threshold: int) -> edge.HnswIndexConfig:
        """Index of links a node, candidates while building and the size of a plain scan."""
        memory = edge.Memory.Cold if self.links_on_disk else None
        return edge.HnswIndexConfig(m, ef_construct, full_scan_threshold, memory=memory)

    def engine_codes(self) -> Any:
        """Codes, as the engine is told of them; None for none."""
        memory = edge.Memory.Pinned if self.codes_in_memory else edge.Memory.Cold
        match self.codes:
            case "scalar":
                kind = edge.ScalarType.Int8
                return edge.ScalarQuantizationConfig(type=kind, quantile=self.quantile or None, memory=memory)
            case "turboquant":
                number: Any = self.bits
                bits = getattr(edge.TurboQuantBitSize, messages.TurboQuantBitSize.Name(number))
                return edge.TurboQuantQuantizationConfig(bits=bits, memory=memory)
            case "binary":
                return edge.BinaryQuantizationConfig(memory=memory)
            case _:
                return None

    def message(self) -> messages.QuantizationConfig | None:
        """Codes, as a collection says what it has; None for none."""
        keep = self.codes_in_memory
        match self.codes:
            case "scalar":
                kind = messages.QuantizationType.Int8
                scalar = messages.ScalarQuantization(type=kind, quantile=self.quantile or None, always_ram=keep)
                return messages.QuantizationConfig(scalar=scalar)
            case "turboquant":
                bits: Any = self.bits
                turbo = messages.TurboQuantization(bits=bits, always_ram=keep)
                return messages.QuantizationConfig(turboquant=turbo)
            case "binary":
                return messages.QuantizationConfig(binary=messages.BinaryQuantization(always_ram=keep))
            case _:
                return None
