"""JSON Lines: a page a line, UTF-8, keys in the order of ``Page``."""

import msgspec

from crawler.model.pages import Failure, Page, Skipped


class JsonlEncoder:
    """Pages, failures and skips alike: whatever record it is given."""

    def encode(self, page: Page | Failure | Skipped) -> bytes:
        return _ENCODER.encode(page) + b"\n"


_ENCODER = msgspec.json.Encoder()
