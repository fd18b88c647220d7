import os
import subprocess
import sys

import pytest

# Threads that allocate at the same time, each of which would get a heap of its own; then their number.
PROGRAM = """
import ctypes, re, sys, threading
from lse.hardware import limit_heaps

limit_heaps(2)
libc = ctypes.CDLL(None)
libc.malloc.argtypes = [ctypes.c_size_t]
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
libc.fopen.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
libc.fclose.argtypes = [ctypes.c_void_p]
together = threading.Barrier(9)

def allocate():
    libc.malloc(100_000)
    together.wait()
    together.wait()

for _ in range(8):
    threading.Thread(target=allocate).start()
together.wait()
file = libc.fopen(sys.argv[1].encode(), b"w")
libc.malloc_info(0, file)
libc.fclose(file)
together.wait()
print(len(re.findall("<heap nr=", open(sys.argv[1]).read())))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="heaps of glibc")
@pytest.mark.parametrize(
    ("variables", "heaps"),
    [
        pytest.param({}, 2, id="limited"),
        pytest.param({"MALLOC_ARENA_MAX": "5"}, 5, id="by MALLOC_ARENA_MAX"),
        pytest.param({"GLIBC_TUNABLES": "glibc.malloc.arena_max=4"}, 4, id="by GLIBC_TUNABLES"),
    ],
)
def test_threads_share_as_many_heaps_as_are_allowed(tmp_path, variables, heaps) -> None:
    decided = ("MALLOC_ARENA_MAX", "GLIBC_TUNABLES")
    environment = {key: value for key, value in os.environ.items() if key not in decided} | variables
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "heaps.xml")]
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=60)
    assert int(said.stdout) == heaps
