"""Changes of a page on their way to the browser."""

from __future__ import annotations

import subprocess
import sys
import textwrap


def test_the_last_change_arrives_over_a_slow_line() -> None:
    """A change is made while messages before it are being written, and nothing changes after it."""
    program = textwrap.dedent(
        r"""
        import asyncio, re, sys, threading, time
        import panel as pn
        from bokeh.client import pull_session
        from bokeh.document.events import MessageSentEvent
        from bokeh.events import DocumentReady
        from panel.io.state import set_curdoc
        from tornado.websocket import WebSocketHandler
        from lse_dashboard.writes import keep_order

        if sys.argv[1:] != ["as it is"]:
            keep_order()
        written, asked, done = [], [], threading.Event()
        write, line = WebSocketHandler.write_message, {"slow": False}

        def write_message(self, message, binary=False):
            written.extend(re.findall(r'"attr":"text","new":"(\w+)"', str(message)))
            return asyncio.ensure_future(slowly(write(self, message, binary)))

        async def slowly(future):
            await future
            if line["slow"]:
                await asyncio.sleep(0.2)

        WebSocketHandler.write_message = write_message

        def page():
            text, document = pn.pane.HTML("before"), pn.state.curdoc

            def say(what):
                with set_curdoc(document):
                    text.object = what

            async def change():
                lock = next(iter(document.session_context.session._subscribed_connections))._socket.write_lock
                line["slow"] = True
                with await lock.acquire():
                    say("first")
                    await asyncio.sleep(0.005)
                await asyncio.sleep(0.05)
                with await lock.acquire():
                    say("second")
                    await asyncio.sleep(1.0)
                line["slow"] = False
                await asyncio.sleep(1.5)
                done.set()

            change.nolock = True
            asked.append(lambda: document.add_next_tick_callback(change))
            return text

        server = pn.serve({"/": page}, port=0, show=False, start=False)

        def visit():
            session = pull_session(url=f"http://127.0.0.1:{server.port}/")
            ready = DocumentReady()
            ready.model = None
            session.document.callbacks.trigger_on_change(MessageSentEvent(session.document, "bokeh_event", ready))
            session.force_roundtrip()
            server.io_loop.add_callback(asked[0])
            done.wait(20)
            print(*written)
            server.io_loop.add_callback(server.io_loop.stop)

        server.start()
        threading.Thread(target=visit, daemon=True).start()
        server.io_loop.start()
        """
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert ran.stdout.splitlines()[-1:] == ["first second"], ran.stdout[-2000:] + ran.stderr[-2000:]
