"""Certificates for any host, from a certificate authority that only the current run trusts."""

import datetime as dt
import ssl
from collections.abc import Callable
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from crawler.localweb.faults import Fault

Chooser = Callable[[str], ssl.SSLContext]
"""Server name (RFC 6066, 3) → its TLS context."""


class Certificates:
    """Creates an authority, writes its root to ``ca_file`` (PEM) and issues certificates on demand.

    ``choose`` is called if a client requests another server name than that of its first context;
    without it that name gets a good certificate.
    """

    def __init__(self, ca_file: Path, choose: Chooser | None = None) -> None:
        self._authority = trustme.CA()
        self._authority.cert_pem.write_to_path(str(ca_file))
        self._choose = choose or self.context
        self._contexts: dict[tuple[str, Fault | None], ssl.SSLContext] = {}

    def context(self, name: str, fault: Fault | None = None) -> ssl.SSLContext:
        """Return the context for ``name``, a host or a literal address, with a certificate fault.

        Each is created once. Call this from one thread only.
        """
        context = self._contexts.get((name, fault))
        if context is None:
            context = self._contexts[name, fault] = self._make(name, fault)
        return context

    def _make(self, name: str, fault: Fault | None) -> ssl.SSLContext:
        def switch(connection: ssl.SSLObject, requested: str | None, _: ssl.SSLContext) -> None:
            if requested is not None and requested != name:
                connection.context = self._choose(requested)

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = switch
        leaf = self._issue(name, fault)
        leaf.configure_cert(context)
        if fault is Fault.SELF_SIGNED:
            with _self_signed(leaf).tempfile() as path:
                context.load_cert_chain(path)
        return context

    def _issue(self, name: str, fault: Fault | None) -> trustme.LeafCert:
        match fault:
            case Fault.EXPIRED:
                yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
                return self._authority.issue_cert(name, not_after=yesterday)
            case Fault.WRONG_HOST:
                return self._authority.issue_cert(f"not-{name}.invalid".replace(":", "-"))
            case Fault.UNKNOWN_ROOT:
                return trustme.CA().issue_cert(name)
        return self._authority.issue_cert(name)


def _self_signed(leaf: trustme.LeafCert) -> trustme.Blob:
    """Return key and certificate (PEM) for the names of ``leaf``, without an authority."""
    issued = x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes())
    key = serialization.load_pem_private_key(leaf.private_key_pem.bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    names = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    certificate = x509.CertificateBuilder(
        issuer_name=issued.subject,
        subject_name=issued.subject,
        public_key=key.public_key(),
        serial_number=issued.serial_number,
        not_valid_before=issued.not_valid_before_utc,
        not_valid_after=issued.not_valid_after_utc,
        extensions=[names],
    ).sign(key, hashes.SHA256())
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    return trustme.Blob(leaf.private_key_pem.bytes() + pem)
