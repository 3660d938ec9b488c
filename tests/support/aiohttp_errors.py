"""Errors as aiohttp raises them."""

import os
import ssl

import aiohttp
from aiohttp.client_reqrep import ConnectionKey

# --- what goes wrong


ADDRESS = "192.0.2.1"  # for documentation (RFC 5737): nobody has it


def unconnected(reason: Exception, *, tls: bool = False) -> aiohttp.ClientConnectorError:
    """What aiohttp makes of ``reason`` for not getting a connection."""
    secured = ssl.create_default_context() if tls else True
    key = ConnectionKey(ADDRESS, 8080, tls, secured, None, None, None)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return aiohttp.ClientConnectorCertificateError(key, reason)
    if isinstance(reason, ssl.SSLError):
        return aiohttp.ClientConnectorSSLError(key, reason)
    assert isinstance(reason, OSError)
    return aiohttp.ClientConnectorError(key, reason)


def system(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def badly_certified() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError("certificate verify failed")
    error.verify_message = "unable to get local issuer certificate"
    return error


def answered_badly() -> aiohttp.ClientResponseError:
    return aiohttp.ClientResponseError(None, (), status=400, message="Bad status line")
