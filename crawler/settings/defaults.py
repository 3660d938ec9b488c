"""Defaults of options that are None when they are not set.

What is used then can depend on other options or on the host. The help texts format these values.
"""

from typing import Literal

ORDER: Literal["input"] = "input"
"""Order of the URLs without ``--history``."""
CONCURRENCY = 64
"""Requests in flight at the same time, with engines that can have more than one."""
PER_HOST = 4
"""Requests in flight to one host."""
PER_ADDRESS = 16
"""Requests in flight to one IP address."""
DELAY = 0.25
"""Seconds between requests to one host."""
LOG: Literal["warning"] = "warning"
"""Minimum log level."""
RUNS = "runs"
"""Directory of the run directories."""
PATIENCE = 600
"""Seconds to wait for a host that has answered and from which nothing comes."""
CACHE_SIZE = 10**9
"""Bytes of the results in a cache."""
