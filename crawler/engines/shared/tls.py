"""The two TLS contexts of engines on Python's ssl: one verifies certificates, one does not."""

import ssl
from collections.abc import Callable
from functools import cached_property


class TlsContexts:
    """Both are made when they are first needed. ``prepare`` is called with each new context."""

    def __init__(
        self, ca_file: str | None, prepare: Callable[[ssl.SSLContext], None] | None = None
    ) -> None:
        """``ca_file`` is the path of the trusted roots (PEM); None: those of the system."""
        self._ca_file = ca_file
        self._prepare = prepare

    def context(self, *, verify: bool) -> ssl.SSLContext:
        return self._verifying if verify else self._trusting

    @cached_property
    def _verifying(self) -> ssl.SSLContext:
        return self._prepared(ssl.create_default_context(cafile=self._ca_file))

    @cached_property
    def _trusting(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return self._prepared(context)

    def _prepared(self, context: ssl.SSLContext) -> ssl.SSLContext:
        context.set_alpn_protocols(["http/1.1"])
        if self._prepare is not None:
            self._prepare(context)
        return context
