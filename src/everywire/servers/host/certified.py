"""What is known of a connection's TLS, as ASGI's extension "tls" tells it."""

from __future__ import annotations

import ssl
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

__all__ = ["facts"]

_VERSIONS = {"SSLv3": 0x0300, "TLSv1": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304}
_NAMES = {  # RFC 4514 3
    "commonName": "CN",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "streetAddress": "STREET",
    "domainComponent": "DC",
    "userId": "UID",
}
_known: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()


def facts(tls: Any, server_cert: str | None) -> dict[str, Any]:
    """Give a dictionary of its own for one request that came by `tls`, an SSLObject or SSLSocket."""
    found = _known.get(tls)
    if found is None:
        found = _known[tls] = _facts(tls, server_cert)
    return found.copy()


def _facts(tls: Any, server_cert: str | None) -> dict[str, Any]:
    chain = [ssl.DER_cert_to_PEM_cert(der) for der in _chain(tls)]
    cipher = tls.cipher()
    return {
        "server_cert": server_cert,
        "client_cert_chain": chain,
        "client_cert_name": _name(tls.getpeercert()) if chain else None,
        "client_cert_error": None,  # who fails verification does not get here
        "tls_version": _VERSIONS.get(tls.version()),
        "cipher_suite": None if cipher is None else _suites().get(cipher[0]),
    }


def _chain(tls: Any) -> list[bytes]:
    """Give the certificates that the client sent, its own first; its own alone where the interpreter tells no more."""
    own = tls.getpeercert(binary_form=True)
    if own is None:
        return []
    if hasattr(tls, "get_unverified_chain"):  # Python 3.13
        return list(tls.get_unverified_chain())
    return [own]


@cache
def _suites() -> dict[str, int]:
    """Map OpenSSL's names of cipher suites to the numbers that stand on the wire."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    return {cipher["name"]: cipher["id"] & 0xFFFF for cipher in context.get_ciphers()}


def _name(certificate: dict[str, Any] | None) -> str | None:
    """Write the subject's name as RFC 4514 does: the last part first."""
    if not certificate:
        return None
    parts = certificate.get("subject", ())
    return ",".join(
        "+".join(f"{_NAMES.get(key, key)}={_escaped(value)}" for key, value in part) for part in parts[::-1]
    )


def _escaped(value: str) -> str:
    """Escape what has a meaning in a name (RFC 4514 2.4)."""
    text = "".join("\\" + mark if mark in '"+,;<>\\' else mark for mark in value).replace("\0", "\\00")
    if text.startswith(("#", " ")):
        text = "\\" + text
    return text[:-1] + "\\ " if text.endswith(" ") and len(value) > 1 else text
