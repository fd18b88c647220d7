"""Build the HNSW index of one Edge shard, in a process of its own: ``python edge_build.py FOLDER``.

The engine holds Python's global lock while it builds, for half a minute at 100,000 vectors; in the server's own
process nobody would be answered meanwhile.  The process is run as a plain file so that it imports the engine only.
"""

from __future__ import annotations

import os
import sys

import qdrant_edge

__all__: list[str] = []

if __name__ == "__main__":
    os.nice(10)  # the build may take every core that queries leave
    shard = qdrant_edge.EdgeShard.load(sys.argv[1])
    shard.optimize()
    shard.flush()
    shard.close()
