"""What an application is told of TLS."""

import ssl

import trustme

from everywire.servers.host import certified


def shaken(server, client):
    """A server's end of a connection that is established in memory."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = server.wrap_bio(to_server, to_client, server_side=True)
    theirs = client.wrap_bio(to_client, to_server, server_hostname="localhost")
    for end in (theirs, ours, theirs, ours):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            pass
    return ours


def test_a_clients_certificate():
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    theirs = authority.issue_cert("me@example.org", organization_name="Wires, Inc.", common_name="Me")
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.verify_mode = ssl.CERT_REQUIRED
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    authority.configure_trust(server)
    authority.issue_cert("localhost").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    theirs.configure_cert(client)
    told = certified.facts(shaken(server, client), None)
    assert told["client_cert_chain"][0] == theirs.cert_chain_pems[0].bytes().decode()
    assert told["client_cert_name"].startswith("CN=Me,")
    assert "O=Wires\\, Inc." in told["client_cert_name"]
    assert told["tls_version"] == 0x0303
    assert told["cipher_suite"] is not None


def test_names_as_they_are_written():
    certificate = {"subject": ((("countryName", "DE"),), (("commonName", " #a"), ("other", "b ")))}
    assert certified._name(certificate) == "CN=\\ #a+other=b\\ ,C=DE"
    assert certified._name({"subject": ((("commonName", "#a"),),)}) == "CN=\\#a"
    assert certified._name(None) is None
