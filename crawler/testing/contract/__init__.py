"""The contract of fetch engines as tests. Subclass ``EngineContract``, and pytest runs them.

::

    from crawler.testing.contract import EngineContract

    class TestMyEngine(EngineContract):
        def make_engine(self, options):
            return MyEngine(options)

It needs pytest, and no plugin. Servers run on 127.0.0.0/8 in the same process.
"""

from crawler.testing.contract.connections import ConnectionTests
from crawler.testing.contract.deadlines import DeadlineTests
from crawler.testing.contract.endpoints import EndpointTests
from crawler.testing.contract.exchange import ExchangeTests
from crawler.testing.contract.holding import HoldingTests
from crawler.testing.contract.life import LifeTests
from crawler.testing.contract.limits import LimitTests
from crawler.testing.contract.methods import MethodTests
from crawler.testing.contract.proxies import ProxyTests
from crawler.testing.contract.sent import SentTests
from crawler.testing.contract.sessions import SessionTests
from crawler.testing.contract.timing import TimingTests
from crawler.testing.contract.truncation import TruncationTests
from crawler.testing.contract.trust import TrustTests

__all__ = ["EngineContract"]


class EngineContract(
    ExchangeTests,
    ConnectionTests,
    SentTests,
    MethodTests,
    EndpointTests,
    TrustTests,
    SessionTests,
    TruncationTests,
    LimitTests,
    DeadlineTests,
    HoldingTests,
    LifeTests,
    TimingTests,
    ProxyTests,
):
    """Tests of every clause in ``crawler.engines.base``; a failed assertion names the clause.

    A subclass defines ``make_engine``, which creates the engine from ``EngineOptions``. A test
    that its capabilities rule out is skipped, and the reason says so.

    ``differences`` are clauses that the engine does not keep: name of the test, or the name with
    the parameters in brackets as pytest shows it, and the reason for which it is skipped.
    ``grace`` is how many seconds a fetch may outlast its deadline on a busy machine.
    """
