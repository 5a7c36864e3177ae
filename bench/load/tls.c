/* TLS 1.3 with AES-256-GCM on a non-blocking socket. */
#include <errno.h>
#include "load.h"
#ifdef HAVE_TLS
#include <openssl/ssl.h>

void tls_setup(void) {
    world.tls = SSL_CTX_new(TLS_client_method());
    if (!world.tls) fail("SSL_CTX_new");
    SSL_CTX_set_min_proto_version(world.tls, TLS1_3_VERSION);
    if (!SSL_CTX_set_ciphersuites(world.tls, "TLS_AES_256_GCM_SHA384")) fail("ciphersuites");
    SSL_CTX_set_mode(world.tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(world.tls, SSL_VERIFY_NONE, NULL);    /* the certificate was made for this run */
}

void tls_begin(struct connection *c) {
    c->tls = SSL_new(world.tls);
    if (!c->tls || !SSL_set_fd(c->tls, c->fd)) fail("SSL_new");
    SSL_set_connect_state(c->tls);
}

static long outcome(struct connection *c, int result) {
    if (result > 0) return result;
    int reason = SSL_get_error(c->tls, result);
    if (reason == SSL_ERROR_ZERO_RETURN) return 0;
    errno = reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
    return -1;
}

int tls_handshake(struct connection *c) {
    long result = outcome(c, SSL_do_handshake(c->tls));
    return result > 0 ? 1 : result < 0 && errno == EAGAIN ? 0 : -1;
}

long tls_read(struct connection *c, uint8_t *to, size_t size) { return outcome(c, SSL_read(c->tls, to, (int)size)); }

long tls_write(struct connection *c, const uint8_t *from, size_t size) {
    return outcome(c, SSL_write(c->tls, from, (int)size));
}

void tls_end(struct connection *c) { SSL_free(c->tls); }

#else  /* built without libssl's headers: --tls ends the program at once */

void tls_setup(void) {
    errno = ENOSYS;
    fail("built without TLS (libssl-dev is missing)");
}

void tls_begin(struct connection *c) { (void)c; }
int tls_handshake(struct connection *c) { (void)c; return -1; }
long tls_read(struct connection *c, uint8_t *to, size_t size) { (void)c; (void)to; (void)size; return -1; }
long tls_write(struct connection *c, const uint8_t *from, size_t size) { (void)c; (void)from; (void)size; return -1; }
void tls_end(struct connection *c) { (void)c; }

#endif
