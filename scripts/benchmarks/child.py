"""A server of the benchmarks in a process of its own."""

import subprocess
import sys
from typing import Self

from benchmarks.runs import Refused


class Child:
    """``python -m MODULE ARGUMENT`` as a context; says its ``port``, serves to its input's end."""

    def __init__(self, module: str, argument: str) -> None:
        self._module, self._argument = module, argument

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", self._module, self._argument],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,  # Ctrl-C is for us, who then end it
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline() or b"0")
        if not self.port:
            raise Refused(f"{self._module} does not start")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._end()

    def _end(self) -> bytes:
        """End it; return what it has said beside its port."""
        with self._process as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.close()
            return process.stdout.read()
