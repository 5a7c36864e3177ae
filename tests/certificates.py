"""An authority of our own for every test that speaks TLS: nothing is fetched, nothing lies about."""

import functools
import ssl

import trustme


@functools.cache
def _authority():
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    return authority, authority.issue_cert("localhost", "127.0.0.1", key_type=trustme.KeyType.ECDSA)


def server_context():
    """A context for a server that is called localhost."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _authority()[1].configure_cert(context)
    return context


def client_context(*, trusting=True, version=None):
    """A context for a client that trusts that server, or nobody; `version` is the highest it speaks."""
    context = ssl.create_default_context()
    if trusting:
        _authority()[0].configure_trust(context)
    if version is not None:
        context.maximum_version = version
    return context


def written(folder):
    """Files for a server that is called localhost: its certificate, its key, and the authority's certificate."""
    authority, server = _authority()
    paths = folder / "certificate.pem", folder / "key.pem", folder / "authority.pem"
    for path, blobs in zip(
        paths, (server.cert_chain_pems, [server.private_key_pem], [authority.cert_pem]), strict=True
    ):
        path.write_bytes(b"".join(blob.bytes() for blob in blobs))
    return paths
