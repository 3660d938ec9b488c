"""Decodes a body that the pipeline itself needs, off the fetch thread unless that is quick."""

import asyncio

from crawler.model.content_coding import Decoding
from crawler.model.errors import FetchError

QUICK = 0.005
"""Seconds of CPU within which nearly every body is decoded: another thread costs more."""
_SLICE = 0.1
"""Seconds of CPU for which the other thread works before it can be stopped."""


async def decoded(decoding: Decoding) -> bytes | FetchError:
    """Return the decoded body, or why it cannot be decoded."""
    try:
        body = decoding.run(QUICK)
        while body is None:
            body = await asyncio.to_thread(decoding.run, _SLICE)
    except FetchError as error:
        return error
    return body
