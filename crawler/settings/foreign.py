"""Variables ``CRAWLER_…`` that no user has set: a platform sets them for a service of our name.

Kubernetes describes each service of a namespace to all its containers, in the form of Docker links
(https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables), and
Docker the containers that are linked (https://docs.docker.com/engine/network/links/). The service
can be called ``crawler`` or ``crawler-`` and more, which becomes ``CRAWLER_…_``.
"""

import re

_NAMES = re.compile(
    r"CRAWLER_(?:\w+_)?"
    r"(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?|ENV_\w+)"
    r"|CRAWLER_NAME"
)
"""Names that are never those of an option."""
_VALUES = (
    (re.compile(r"CRAWLER_(?:\w+_)?PORT"), re.compile(r"(?:tcp|udp|sctp)://.*")),
    (re.compile(r"CRAWLER_\w+_NAME"), re.compile(r"/[^/]+/[^/]+")),
)
"""Other names, and the values that only a platform gives them."""


def is_foreign(variable: str, value: str) -> bool:
    """Whether ``variable`` is from a container platform, so that it is not an option."""
    return _NAMES.fullmatch(variable) is not None or any(
        name.fullmatch(variable) and given.fullmatch(value) for name, given in _VALUES
    )
