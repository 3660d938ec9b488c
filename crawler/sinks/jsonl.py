"""JSON Lines: one page per line, UTF-8, keys in the order of ``Page``."""

import msgspec

from crawler.model.pages import Failure, Page, Skipped


class JsonlEncoder:
    """Encodes pages, and also failures and skips."""

    def encode(self, page: Page | Failure | Skipped) -> bytes:
        return _ENCODER.encode(page) + b"\n"


_ENCODER = msgspec.json.Encoder()
