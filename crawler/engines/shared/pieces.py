"""Collects the body of a response from its pieces."""

from io import BytesIO

_LARGE_BYTES = 256 * 1024


class Pieces:
    """``size`` bytes so far. Pieces of a small body are joined at the end, which is fastest.

    A large body grows in place: to join it would need twice its memory, and many small pieces of
    many bodies leave holes in the heap.
    """

    def __init__(self) -> None:
        self._small: list[bytes] = []
        self._large: BytesIO | None = None
        self.size = 0

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        if self._large is not None:
            self._large.write(piece)
            return
        self._small.append(piece)
        if self.size > _LARGE_BYTES:
            self._large = BytesIO()
            self._large.writelines(self._small)
            self._small.clear()

    def take(self) -> bytes:
        """Return the body, and keep nothing of it."""
        whole = b"".join(self._small) if self._large is None else self._large.getvalue()
        self._small.clear()
        self._large = None
        return whole
