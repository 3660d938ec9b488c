"""Patterns that find the <meta> elements of a page as an HTML parser does, without parsing it.

All repetitions are possessive, so that every page takes linear time.
"""

import re
from functools import cache

_SPACE = r"[\t\n\f\r ]*+"
_NAME_END = r"(?=[\t\n\f\r />])"
# A tag ends at the first > outside quotes, and only a quote after a name and = begins a value.
_VALUE = r"""(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^\t\n\f\r >"'][^\t\n\f\r >]*+)?+"""
_ATTRIBUTE = rf"[^\t\n\f\r />][^\t\n\f\r />=]*+{_SPACE}(?:={_SPACE}{_VALUE})?+"
_ATTRIBUTES = rf"(?:[\t\n\f\r /]++|{_ATTRIBUTE})*+"
_REST_OF_TAG = rf"{_ATTRIBUTES}(?:>|\Z)"
_META = rf"<meta(?=[\t\n\f\r /])(?P<attributes>{_ATTRIBUTES})>"

_TEXT = r"[^<]++|(?:<(?![!/?a-z]))++"
_COMMENT = r"<!--(?:-?>|.*?(?:--!?>|\Z))"
_TAG = rf"</?[a-z][^\t\n\f\r />]*+{_REST_OF_TAG}|<[!/?][^>]*+(?:>|\Z)"
_TAG_BUT_META = rf"(?!<meta[\t\n\f\r /])(?:{_TAG})"

# After <!-- in a script, <script> and </script> are a pair, and the script ends after that.
_SCRIPT_ENDS = rf"</script{_NAME_END}"
_IN_COMMENT = rf"[^<-]++|(?!-->)-|(?!{_SCRIPT_ENDS})<"
_IN_PAIR = rf"<script{_NAME_END}(?:{_IN_COMMENT})*+(?:{_SCRIPT_ENDS})?+"
_SCRIPT = rf"(?:[^<]++|<!(?=--)(?:{_IN_PAIR}|{_IN_COMMENT})*+|(?!{_SCRIPT_ENDS})<)*+"
_RAW_TEXT = "|".join(
    [
        rf"<script{_NAME_END}{_REST_OF_TAG}{_SCRIPT}(?:</script{_REST_OF_TAG}|\Z)",
        rf"<plaintext{_NAME_END}.*",
        *(
            rf"<{name}{_NAME_END}{_REST_OF_TAG}.*?(?:</{name}{_NAME_END}{_REST_OF_TAG}|\Z)"
            for name in ("style", "title", "textarea", "xmp", "iframe", "noembed", "noframes")
        ),
    ]
)


@cache
def prescanned_meta() -> re.Pattern[bytes]:
    """The next <meta> for "prescan a byte stream", which knows comments and tags only.

    To be matched where the search begins; its group is ``attributes``. It is compiled at first use,
    which takes milliseconds.
    """
    return _meta_after(_TEXT, _COMMENT, _TAG_BUT_META)


@cache
def parsed_meta() -> re.Pattern[bytes]:
    """The next <meta> that is an element, otherwise like ``prescanned_meta``."""
    return _meta_after(_TEXT, _COMMENT, _RAW_TEXT, _TAG_BUT_META)


def _meta_after(*skipped: str) -> re.Pattern[bytes]:
    pattern = f"(?:{'|'.join(skipped)})*+{_META}"
    return re.compile(pattern.encode(), re.IGNORECASE | re.DOTALL)
