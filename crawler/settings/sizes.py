"""Sizes in bytes, as people write them."""

_UNITS: dict[str, int] = {"": 1, "b": 1} | {
    letter + suffix: base**power
    for suffix, base in (("b", 1000), ("ib", 1024))
    for power, letter in enumerate("kmgt", 1)
}


def parse_size(text: str) -> int:
    """Return the number of bytes that ``text`` stands for. Raises ValueError.

    Examples: ``10000000``, ``256MB`` (10^6), ``1.5GiB`` (2^30).
    """
    number = text.rstrip("bBiIkKmMgGtT ")
    unit = text[len(number) :].strip().lower()
    if unit not in _UNITS or not number.isascii():
        raise ValueError(text)
    whole, point, part = number.partition(".")
    if not whole.isdigit() or (point and not part.isdigit()):
        raise ValueError(text)
    return int(int(whole + part) * _UNITS[unit] // 10 ** len(part))


def format_size(size: int) -> str:
    """Return ``size`` bytes as text that ``parse_size`` can read."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return str(size)
