"""Selects from the URL tests of web-platform-tests what the tests here need.

python make.py FOLDER, where FOLDER is ``url/resources`` of a checkout.
"""

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def read(folder: Path, name: str) -> list[dict[str, Any]]:
    """The cases of a file; its comments are strings."""
    cases = json.loads((folder / name).read_text())
    return [case for case in cases if isinstance(case, dict)]


def write(name: str, rows: list[list[Any]]) -> None:
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    (HERE / name).write_text(f"[\n{lines}\n]\n")


def main(folder: Path) -> None:
    urls = read(folder, "urltestdata.json")
    write("urls.json", [[each["input"], each["base"], each.get("href")] for each in urls])
    hosts = read(folder, "toascii.json")
    write("hosts.json", [[each["input"], each["output"]] for each in hosts])
    queries = read(folder, "percent-encoding.json")
    write("queries.json", [[each["input"], each["output"]] for each in queries])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
