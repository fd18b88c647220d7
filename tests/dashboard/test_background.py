"""Results of work in threads, on their way to a page."""

from __future__ import annotations

import subprocess
import sys
import textwrap


def test_no_result_is_lost_while_the_page_changes() -> None:
    """Threads bring results while the page is held back and let go, thousands of times a second."""
    program = textwrap.dedent(
        """
        import sys, threading, time, urllib.request
        from concurrent.futures import ThreadPoolExecutor
        import panel as pn
        from lse_dashboard.app import PageBackground

        COUNT = 2000
        sys.setswitchinterval(1e-5)
        executor, brought = ThreadPoolExecutor(8), []

        def page():
            document, texts = pn.state.curdoc, pn.Row(*(pn.pane.HTML(str(i)) for i in range(3)))
            background = PageBackground(executor, document)

            def change():
                end = time.monotonic() + 0.05
                while time.monotonic() < end:
                    with pn.io.hold(document):
                        for text in texts:
                            text.object = str(time.monotonic())

            def ask():
                for number in range(COUNT):
                    background(lambda number=number: number, brought.append, print)
                    time.sleep(0.0005)

            pn.state.add_periodic_callback(change, period=60)
            threading.Thread(target=ask, daemon=True).start()
            return texts

        server = pn.serve({"/": page}, port=0, show=False, start=False)

        def visit():
            urllib.request.urlopen(f"http://127.0.0.1:{server.port}/").read()
            before = -1
            while len(brought) > before or before < 1:
                before = len(brought)
                time.sleep(3)
            server.io_loop.add_callback(server.io_loop.stop)

        server.start()
        threading.Thread(target=visit, daemon=True).start()
        server.io_loop.start()
        print(len(brought), sorted(brought) == list(range(COUNT)))
        """
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert ran.stdout.splitlines()[-1:] == ["2000 True"], ran.stdout[-2000:] + ran.stderr[-2000:]
