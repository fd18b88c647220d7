"""Streams that are left before their end cost a server nothing, over a real channel."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from lse.platform.rpc.streams import advanced_in
from running_services import serving

THREADS = 2


class Endless(grpc.GenericRpcHandler):
    """A stream of one message for ever, or of some and an error; counts the streams that are open."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self.threads = threads
        self.open = 0
        self.closed = threading.Semaphore(0)

    def service(self, handler_call_details: Any) -> Any:
        made = getattr(self, handler_call_details.method.rsplit("/", 1)[-1].lower())
        return grpc.unary_stream_rpc_method_handler(advanced_in(self.threads, made))

    def endless(self, request: bytes, context: Any) -> Iterator[bytes]:
        self.open += 1
        try:
            while True:
                yield request
        finally:
            self.open -= 1
            self.closed.release()

    def prepared(self, request: bytes, context: Any) -> Iterator[bytes]:
        return iter([threading.current_thread().name.encode()])

    def failing(self, request: bytes, context: Any) -> Iterator[bytes]:
        yield request
        raise ValueError("no more")


class Server:
    def __init__(self, handler: Endless) -> None:
        self.handler = handler

    async def start(self) -> None:
        self.server = grpc.aio.server(migration_thread_pool=self.handler.threads)
        self.server.add_generic_rpc_handlers([self.handler])
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        await self.server.start()

    async def stop(self) -> None:
        await self.server.stop(1)


def test_streams_that_are_left_give_their_threads_back() -> None:
    with ThreadPoolExecutor(THREADS) as threads, serving(Server(Endless(threads))) as server:
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            for _ in range(3 * THREADS):
                stream = channel.unary_stream("/test/Endless")(b"row", timeout=60)
                assert next(stream) == b"row"
                stream.cancel()
            for _ in range(3 * THREADS):
                assert server.handler.closed.acquire(timeout=60)
            assert next(channel.unary_stream("/test/Endless")(b"still", timeout=60)) == b"still"
        assert server.handler.closed.acquire(timeout=60)
        assert server.handler.open == 0


def test_an_error_within_a_stream_ends_it() -> None:
    with (
        ThreadPoolExecutor(THREADS) as threads,
        serving(Server(Endless(threads))) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        stream = channel.unary_stream("/test/Failing")(b"row", timeout=60)
        assert next(stream) == b"row"
        with pytest.raises(grpc.RpcError, match="no more"):
            next(stream)


def test_what_comes_before_the_first_message_is_done_in_a_thread_too() -> None:
    with (
        ThreadPoolExecutor(THREADS, thread_name_prefix="pool") as threads,
        serving(Server(Endless(threads))) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        (name,) = channel.unary_stream("/test/Prepared")(b"row", timeout=60)
        assert name.startswith(b"pool")
