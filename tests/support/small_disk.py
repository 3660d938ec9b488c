"""``python -m support.small_disk SIZE MODULE …``: runs a module whose files cannot become large.

A write beyond SIZE bytes of a file fails, as on a full disk (Python ignores SIGXFSZ).
"""

import resource
import runpy
import sys


def main() -> None:
    size = int(sys.argv[1])
    del sys.argv[:2]
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
