"""Engines as another package would add them, by entry points: see ``install``."""

import asyncio
from pathlib import Path

import msgspec
from support.broken_engines import ClosesConnections

from crawler.engines.base import Capabilities
from crawler.engines.curl import CurlEngine
from crawler.model.exchange import Request, Response

_ENTRY_POINTS = """\
[crawler.engines]
twin = support.brought_engines:Twin
slower = support.brought_engines:Slower
liar = support.brought_engines:Liar
chatty = support.brought_engines:Chatty
forgetful = support.brought_engines:Forgetful
broken = support.brought_engines:Missing
"""


class Twin(CurlEngine):
    """The ``curl`` engine under another name."""

    name = "twin"

    @property
    def capabilities(self) -> Capabilities:
        return msgspec.structs.replace(super().capabilities, name=self.name)


class Slower(Twin):
    """Takes a quarter longer per fetch, so that it finishes 20 % fewer in the same time."""

    name = "slower"

    async def fetch(self, request: Request) -> Response:
        response = await super().fetch(request)
        await asyncio.sleep(response.timing.total / 4)
        return response


class Liar(Twin):
    """Loses the last byte of each body."""

    name = "liar"

    async def fetch(self, request: Request) -> Response:
        response = await super().fetch(request)
        return msgspec.structs.replace(response, body=response.body[:-1])


class Chatty(Twin):
    """Sends a header that is not in the request."""

    name = "chatty"

    async def fetch(self, request: Request) -> Response:
        headers = (*request.headers, ("X-Chatty", "yes"))
        return await super().fetch(msgspec.structs.replace(request, headers=headers))


class Forgetful(ClosesConnections, Twin):
    """Uses no connection again, although its capabilities say that it does."""

    name = "forgetful"


def install(folder: Path) -> Path:
    """Create ``folder``; on the module search path, it looks like a package with these engines."""
    about = folder / "brought_engines-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: brought-engines\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(_ENTRY_POINTS)
    return folder
