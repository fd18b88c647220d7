"""``python -m lse_dashboard``: serve the explorer."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="lse_dashboard", description="Serve the explorer.")
    parser.add_argument(
        "--address",
        default=os.environ.get("LSE_ADDRESS"),
        help="address of the services (LSE_ADDRESS; default localhost:50051)",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default %(default)s)")
    parser.add_argument("--port", type=int, default=5006, help="port to listen at (default %(default)s)")
    parser.add_argument(
        "--project", default=os.environ.get("LSE_PROJECT"), help="project that opens first (LSE_PROJECT)"
    )
    parser.add_argument("--prefix", default="/", help="path below which everything is served (default %(default)s)")
    parser.add_argument(
        "--origin",
        action="append",
        default=[],
        help="HOST[:PORT] under which browsers reach this server, as often as needed (behind a proxy)",
    )
    options = parser.parse_args(arguments)
    # Imported late so that --help answers at once.
    from lse_dashboard.app import serve

    serve(
        services=options.address,
        token=os.environ.get("LSE_TOKEN"),
        project=options.project,
        host=options.host,
        port=options.port,
        prefix=options.prefix,
        origins=options.origin,
    )


if __name__ == "__main__":
    main()
