"""A program that asks a database over a network of its own and cuts that: what a catalogue makes of it.

It runs in a network namespace (``unshare --net``), where nobody else notices, and reaches the server by a socket file.
Its arguments are the socket file and the rest of a SQLAlchemy URL; it prints the error of each question and whether the
database answers once the network is whole again.  It ends with 77 where such a network cannot be made.
"""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import text

from lse.errors import UnavailableError
from lse.platform.catalogue import Catalogue
from tcp_proxy import TcpProxy

IMPOSSIBLE = 77


def network(*words: str) -> None:
    """Change the network of this namespace."""
    if subprocess.run(words, check=False, capture_output=True).returncode:
        raise SystemExit(IMPOSSIBLE)


def asked(catalogue: Catalogue, question: str) -> str:
    """Reason of the error that a question ends with."""
    try:
        with catalogue.reading() as connection:
            connection.execute(text(question))
    except UnavailableError as error:
        return error.reason
    return "none"


def sleepers(catalogue: Catalogue) -> int:
    """How many connections ask for a sleep; none where a busy machine takes too long to say."""
    count = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"
    try:
        with catalogue.reading() as connection:
            return int(connection.execute(text(count)).scalar_one())
    except UnavailableError:
        return 0


def answers(catalogue: Catalogue) -> bool:
    """Whether the database answers within a minute."""
    deadline = time.monotonic() + 60
    while asked(catalogue, "SELECT 1") != "none":
        if time.monotonic() > deadline:
            return False
    return True


def main(server: str, rest: str) -> None:
    """Ask, cut, ask, mend, ask."""
    network("ip", "link", "set", "lo", "up")
    proxy = TcpProxy(Path(server))
    catalogue = Catalogue(f"postgresql+psycopg://lse@127.0.0.1:{proxy.port}/{rest}")
    with ThreadPoolExecutor(2) as threads:
        # A connection that is in use at the cut, and one that waits to be used.
        waiting = threads.submit(asked, catalogue, "SELECT pg_sleep(600)")
        while sleepers(catalogue) == 0:
            if waiting.done():  # on a busy machine the connection may take too long
                waiting = threads.submit(asked, catalogue, "SELECT pg_sleep(600)")
            time.sleep(0.05)
        # Every packet is larger than this lets through.
        network("tc", "qdisc", "add", "dev", "lo", "root", "tbf", "rate", "8bit", "burst", "1", "latency", "1ms")
        print(asked(catalogue, "SELECT 1"), waiting.result(120))
        network("tc", "qdisc", "del", "dev", "lo", "root")
        print(answers(catalogue))


if __name__ == "__main__":
    main(*sys.argv[1:])
