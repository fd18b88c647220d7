"""Pages that were closed: the explorer lets go of all that they had."""

from __future__ import annotations

import subprocess
import sys

from lse.platform.ports import free_port
from running_services import RunningServices

# Opens and closes pages of an explorer whose closed pages are kept for a moment only, and counts what is left of them.
CODE = """
import gc, os, sys, threading, time, urllib.request
from bokeh.client import pull_session
from prometheus_client import start_http_server
from lse_dashboard import app
from lse_dashboard.state.session import Session

services, project, port, metrics = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
app._SESSION_MILLISECONDS = 200

def told():
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics") as answer:
        return next(line for line in answer.read().decode().splitlines() if line.startswith("lse_explorer_sessions "))

def visit():
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health").close()
                break
            except OSError:
                time.sleep(0.2)
        visits = [pull_session(url=f"http://127.0.0.1:{port}/") for _ in range(3)]
        opened = told()
        for each in visits:
            each.close()
        del visits
        deadline = time.monotonic() + 30
        left = 3
        while left and time.monotonic() < deadline:
            time.sleep(1)
            gc.collect()
            left = sum(isinstance(each, Session) for each in gc.get_objects())
        print(opened, told(), left, sep=";", flush=True)
    finally:
        os._exit(0)

start_http_server(metrics, "127.0.0.1")
threading.Thread(target=visit).start()
app.serve(services=services, project=project, port=port)
"""


def test_closed_pages_are_let_go_of(services: RunningServices, prepared: str) -> None:
    words = [sys.executable, "-W", "ignore", "-c", CODE, services.address, prepared, str(free_port()), str(free_port())]
    said = subprocess.run(words, capture_output=True, text=True, check=True, timeout=180)
    assert said.stdout.splitlines()[-1] == "lse_explorer_sessions 3.0;lse_explorer_sessions 0.0;0", said.stderr[-2000:]
