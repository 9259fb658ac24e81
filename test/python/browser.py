# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A page in headless Chromium, driven by its DevTools protocol: evaluate, press keys, listen.

Debian's package chromium is used where it is installed; nothing else is needed.
"""

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request

from tornado.ioloop import IOLoop
from tornado.websocket import websocket_connect

CHROMIUM = shutil.which("chromium")
PATIENCE = 60
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
         "--window-size=1100,900", "--no-first-run", "--disable-extensions")  # fmt: skip
DOMAINS = ("Page", "Runtime", "Log", "Network")


class Browser:
    """One page. `errors` and `requests` fill while it is loaded and used."""

    def __init__(self, folder, dark=False):
        self.loop, self.numbers = IOLoop(), itertools.count(1)
        self.errors, self.requests = [], []
        dark_flags = ["--force-dark-mode"] if dark else []
        self.process = subprocess.Popen(
            [CHROMIUM, *FLAGS, *dark_flags, f"--user-data-dir={folder}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        port_file, end = folder / "DevToolsActivePort", time.monotonic() + PATIENCE
        while not (port_file.exists() and port_file.read_text().strip()):
            assert time.monotonic() < end and self.process.poll() is None, "no browser"
            time.sleep(0.1)
        port = port_file.read_text().split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
            page = next(t for t in json.load(answer) if t["type"] == "page")
        address = page["webSocketDebuggerUrl"]
        self.socket = self.wait(websocket_connect(address, max_message_size=2**28))
        for domain in DOMAINS:
            self.send(f"{domain}.enable")

    def wait(self, future):
        async def awaited():
            return await future

        return self.loop.run_sync(awaited, timeout=PATIENCE)

    def send(self, method, **parameters):
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": parameters}
        self.wait(self.socket.write_message(json.dumps(message)))
        while True:
            answer = json.loads(self.wait(self.socket.read_message()))
            self._listen(answer)
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def _listen(self, message):
        method, what = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.errors.append(what["exceptionDetails"])
        elif method == "Runtime.consoleAPICalled" and what["type"] in ("error", "warning"):
            self.errors.append(what["args"])
        elif method == "Log.entryAdded" and what["entry"]["level"] in ("error", "warning"):
            self.errors.append(what["entry"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(what["request"]["url"])

    def open(self, path, ready):
        """Loads a file and waits until the expression is true."""
        self.send("Page.navigate", url="about:blank")
        self.until("location.href === 'about:blank'")
        self.errors.clear()
        self.requests.clear()
        self.send("Page.navigate", url=path.as_uri())
        self.until(ready)

    def run(self, expression):
        done = self.send("Runtime.evaluate", expression=expression, returnByValue=True,
                         awaitPromise=True)  # fmt: skip
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def until(self, expression):
        end = time.monotonic() + PATIENCE
        while not self.run(expression):
            assert time.monotonic() < end, f"never true: {expression}"
            time.sleep(0.1)

    def press(self, key, code):
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                      windowsVirtualKeyCode=code, **(text if kind == "keyDown" else {}))  # fmt: skip

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.loop.close()
