"""Headless Chromium, controlled through its DevTools protocol."""

import asyncio
import base64
import contextlib
import itertools
import os
import re
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path
from typing import Any, Self

import aiohttp
from support import needs
from support.needs import Missing

_FLAGS = (
    "--headless=new",
    "--remote-debugging-port=0",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--hide-scrollbars",
    # It must not reach any other host.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
_LISTENING = re.compile(rb"DevTools listening on (ws://127\.0\.0\.1:\S+)")
_START_TIMEOUT = 30.0
_READY = """new Promise((done) => {
    const check = () => document.documentElement.dataset.ready && done(true);
    new MutationObserver(check).observe(document.documentElement, {attributes: true});
    check();
})"""
_LOADED = """new Promise((done) => {
    document.readyState === "complete" ? done(true) : addEventListener("load", () => done(true));
})"""
_DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


class Browser:
    """A browser with one page and its profile in ``folder``. Entering raises Missing without one.

    ``complaints`` are all errors and warnings of the console and all uncaught exceptions,
    ``requests`` are the URLs of all requests.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.complaints: list[str] = []
        self.requests: list[str] = []

    async def __aenter__(self) -> Self:
        program = needs.browser()
        if program is None:
            raise Missing(needs.missing("browser") or "")
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        self._process = await asyncio.create_subprocess_exec(
            program,
            *_FLAGS,
            *sandbox,
            f"--user-data-dir={self._folder}",
            "about:blank",
            stdout=DEVNULL,
            stderr=PIPE,
        )
        try:
            await self._connect(await asyncio.wait_for(self._address(), _START_TIMEOUT))
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._command("Browser.close", session=None)
        await self._reader  # ends when Chromium closes the socket
        await self._socket.close()
        await self._client.close()
        await self._end()

    async def _end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        await self._process.communicate()

    async def _address(self) -> str:
        assert self._process.stderr is not None
        output = b""
        async for line in self._process.stderr:
            output += line
            found = _LISTENING.search(line)
            if found:
                return found[1].decode()
        raise Missing(f"Chromium does not start: {output.decode(errors='replace')}")

    async def _connect(self, address: str) -> None:
        self._client = aiohttp.ClientSession()
        self._socket = await self._client.ws_connect(address, max_msg_size=0)
        self._reader = asyncio.create_task(self._read())
        targets = await self._command("Target.getTargets", session=None)
        page = next(each for each in targets["targetInfos"] if each["type"] == "page")
        attached = await self._command(
            "Target.attachToTarget", session=None, targetId=page["targetId"], flatten=True
        )
        self._session: str = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.command(f"{domain}.enable")

    async def _read(self) -> None:
        async for message in self._socket:
            data = message.json()
            if "id" in data:
                self._answers.pop(data["id"]).set_result(data)
            else:
                self._note(data["method"], data["params"])

    def _note(self, method: str, params: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(params["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            self.complaints.append(str(params["args"]))

    async def command(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command of the protocol to the page. Raises RuntimeError if it fails."""
        return await self._command(method, session=self._session, **params)

    async def _command(self, method: str, *, session: str | None, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": params}
        await self._socket.send_json(message | ({"sessionId": session} if session else {}))
        data = await answer
        if "error" in data:
            raise RuntimeError(f"{method}: {data['error']}")
        result: dict[str, Any] = data["result"]
        return result

    async def open(self, path: Path, *, script: bool = True) -> None:
        """Open a file (an absolute path); wait until it and its script, if any, are ready."""
        await self.command("Page.navigate", url=path.as_uri())
        await self.value(_LOADED)
        if script:
            await self.value(_READY)
        await self.drawn()

    async def drawn(self) -> None:
        """Wait until all changes are on the screen."""
        await self.value(_DRAWN)

    async def value(self, expression: str) -> Any:
        """Return the value of a JavaScript expression; waits for a promise."""
        answer = await self.command(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    async def screen(self, width: int, height: int, *, dark: bool = False) -> None:
        """Set the size of the page in CSS pixels, and its theme."""
        await self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.command("Emulation.setEmulatedMedia", features=[theme])

    async def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """``kind``: mouseMoved, mousePressed, mouseReleased, mouseWheel; then wait for drawing."""
        await self.command("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)
        await self.drawn()

    async def press(self, key: str) -> None:
        """Press and release a key, named as in KeyboardEvent.key."""
        text = {"text": key} if len(key) == 1 else {}
        await self.command("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        await self.command("Input.dispatchKeyEvent", type="keyUp", key=key)
        await self.drawn()

    async def printed(self) -> bytes:
        """Return the printed page as PDF."""
        made = await self.command("Page.printToPDF", preferCSSPageSize=True)
        return base64.b64decode(made["data"])
