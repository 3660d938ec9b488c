"""Functions for ``--parser`` that behave as hostile pages make parse workers behave."""

import mmap
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

from crawler.parsing.document import Document


def marked(document: Document) -> dict[str, Any]:
    """Do what the text of the page says: kill the process, hang, or raise; otherwise print."""
    text = document.text
    if "kill me" in text:
        os.kill(os.getpid(), signal.SIGKILL)
    if "hang me" in text:
        while True:
            pass
    if "match me" in text:
        re.match(r"(a+)+$", "a" * 60 + "b")
    if "sleep for me" in text:
        time.sleep(3600)
    if "wait for me" in text:
        time.sleep(0.02)
    if "burn for me" in text:
        burn(0.3)
    if "bloat me" in text:
        bytearray(1 << 40)
    if "raise me" in text:
        raise ValueError("the page asked for it")
    print("said by the parser")  # noqa: T201
    return {"length": len(text)}


def burn_2ms(_document: Document) -> None:
    burn(0.002)


def burn_10ms(_document: Document) -> None:
    burn(0.010)


def burn(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def noted(document: Document) -> dict[str, Any]:
    """Like ``marked``, but first create the file that ``BEGUN`` names."""
    Path(os.environ["BEGUN"]).touch()
    return marked(document)


_hoard: list[mmap.mmap] = []


def hoarding(document: Document) -> None:
    """Take all the memory that the process may have, and keep it; none of it is touched."""
    if "hoard for me" not in document.text:
        return
    for size in (1 << 24, 1 << 20, 1 << 12):
        try:
            while True:
                _hoard.append(mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
        except OSError:
            continue
    raise ValueError("there is no more")
