"""Dates as people and servers write them, returned as ISO 8601."""

from datetime import date, datetime

_TIME_DIRECTIVES = ("%H", "%I", "%M", "%S", "%f", "%p", "%z", "%Z", "%X", "%c")
_EXAMPLE = datetime(2026, 12, 1, 10, 30)


def read_date(text: str, written: str | None = None) -> str | None:
    """The date in ``text`` as ISO 8601, with a time if there is one; None if it is not a date.

    ``written`` is its format as for ``strptime``. Without it, ISO 8601 and the dates of e-mail and
    HTTP (RFC 5322) are understood.
    """
    try:
        if written is not None:
            return _of_format(text, written)
        return _of_iso(text) or _of_mail(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def check_format(written: str) -> None:
    """Raises ValueError if ``written`` is not a format of ``strptime`` with year, month and day."""
    if datetime.strptime(_EXAMPLE.strftime(written), written).date() != _EXAMPLE.date():
        raise ValueError(f"{written!r} does not have year, month and day")


def _of_format(text: str, written: str) -> str:
    found = datetime.strptime(text, written)
    has_time = any(each in written for each in _TIME_DIRECTIVES)
    return found.isoformat() if has_time else found.date().isoformat()


def _of_iso(text: str) -> str | None:
    for kind in (date, datetime):
        try:
            return kind.fromisoformat(text).isoformat()
        except ValueError:
            pass
    return None


def _of_mail(text: str) -> str:
    from email.utils import parsedate_to_datetime  # few rules need it, and it takes long to import

    return parsedate_to_datetime(text).isoformat()
