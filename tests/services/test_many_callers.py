"""Many callers at once: every one of them is answered."""

from __future__ import annotations

import asyncio

import grpc

from latentspace.ingestion.v1 import ingestion_pb2, ingestion_pb2_grpc
from running_services import RunningServices

CALLERS = 200
CALLS = 5


def test_two_hundred_callers_are_answered_without_an_error(services: RunningServices) -> None:
    async def caller(number: int, begin: asyncio.Barrier) -> list[str]:
        # Another argument each: channels of equal ones share a connection.
        options = [("grpc.primary_user_agent", f"caller-{number}")]
        async with grpc.aio.insecure_channel(services.address, options=options) as channel:
            stub = ingestion_pb2_grpc.IngestionServiceStub(channel)
            await channel.channel_ready()
            await begin.wait()
            answers = []
            for _ in range(CALLS):
                request = ingestion_pb2.ListDatasetsRequest(parent=f"projects/caller-{number}")
                answers.append(str(await stub.ListDatasets(request, timeout=60)))
            return answers

    async def all_callers() -> list[list[str]]:
        begin = asyncio.Barrier(CALLERS)
        return await asyncio.gather(*(caller(number, begin) for number in range(CALLERS)))

    # A call that is not answered raises.
    assert asyncio.run(all_callers()) == [[""] * CALLS] * CALLERS
