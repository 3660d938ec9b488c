"""``python -m crawler``, and the command ``crawler``."""

import gc
import sys


def main() -> int:
    """Give the exit code of what the command line asks for."""
    if sys.platform == "win32":
        sys.stderr.write("crawler: Windows is not supported; Linux, macOS and WSL are.\n")
        return 2
    from crawler.cli import main as run

    code = run()
    gc.freeze()  # else Python looks twice at every object there is before it ends: 20 ms
    return code


if __name__ == "__main__":
    sys.exit(main())
