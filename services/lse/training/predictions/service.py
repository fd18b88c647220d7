"""The predictions of the training service."""

from __future__ import annotations

import grpc

from latentspace.training.v1 import predictions_pb2 as pb
from latentspace.training.v1 import predictions_pb2_grpc
from lse.platform.wiring import Platform

__all__ = ["PredictionServicer", "register"]


def register(server: grpc.aio.Server, platform: Platform) -> str:
    """Add the service to a server; its full name."""
    predictions_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionServicer(platform), server)
    return str(pb.DESCRIPTOR.services_by_name["PredictionService"].full_name)


class PredictionServicer(predictions_pb2_grpc.PredictionServiceServicer):
    """Answers ``latentspace.training.v1.PredictionService``."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
