"""The explorer as jupyter-server-proxy starts it."""

from __future__ import annotations

import subprocess
import time
import urllib.request
from importlib import metadata

from lse.platform.ports import free_port


def test_it_answers_below_the_address_of_the_user() -> None:
    (entry,) = metadata.entry_points(group="jupyter_serverproxy_servers", name="latent-space-explorer")
    server = entry.load()()
    port = free_port()
    # As jupyter-server-proxy fills the command in.
    command = [word.format(port=port, base_url="/user/ada/") for word in server["command"]]
    address = f"http://127.0.0.1:{port}/user/ada/{server['launcher_entry']['path_info']}"
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + server["timeout"]
        while True:
            try:
                with urllib.request.urlopen(f"{address}health") as answer:
                    assert answer.read() == b"ok\n"
                    break
            except OSError:
                assert process.poll() is None, process.stderr
                assert time.monotonic() < deadline
                time.sleep(0.3)
        with urllib.request.urlopen(address) as page:
            assert b"Latent Space Explorer" in page.read()
    finally:
        process.terminate()
        process.communicate()
    assert process.returncode == 0
