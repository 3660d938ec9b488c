"""A host that gets no requests for a while."""

from datetime import datetime

import msgspec


class RestingHost(msgspec.Struct, frozen=True):
    """``host`` has got no requests ``since`` then and is asked again at ``until`` (UTC).

    ``why`` is what it last answered or failed with.
    """

    host: str
    since: datetime
    until: datetime
    why: str
