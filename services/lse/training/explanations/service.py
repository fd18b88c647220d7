"""The explanations of the training service."""

from __future__ import annotations

import grpc

from latentspace.training.v1 import explanations_pb2 as pb
from latentspace.training.v1 import explanations_pb2_grpc
from lse.platform.wiring import Platform

__all__ = ["ExplanationServicer", "register"]


def register(server: grpc.aio.Server, platform: Platform) -> str:
    """Add the service to a server; its full name."""
    explanations_pb2_grpc.add_ExplanationServiceServicer_to_server(ExplanationServicer(platform), server)
    return str(pb.DESCRIPTOR.services_by_name["ExplanationService"].full_name)


class ExplanationServicer(explanations_pb2_grpc.ExplanationServiceServicer):
    """Answers ``latentspace.training.v1.ExplanationService``."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
