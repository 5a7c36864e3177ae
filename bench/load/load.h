/* The load generator: the types and functions its files share.
 *
 * One thread, one epoll.  A `mode` (echo, fan, hub, call, storm, idle, churn, http) says what is done when a connection opens and when a
 * message arrives; everything below it (sockets, TLS, upgrade, frames, verification) is common to all modes.
 * Every byte that a server returns is compared with what it must return, in order; see `struct errors`. */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ssl_st SSL;             /* as libssl has them; nobody but tls.c looks inside */
typedef struct ssl_ctx_st SSL_CTX;

#define TAG_SIZE 16            /* every payload starts with 16 hex digits: connection (6) and sequence number (10) */
#define POOL_SPREAD 1024       /* payloads are windows into one pool, at this many different places */
#define RING 1024              /* most messages that a fan may have in flight */
#define MAX_PIDS 64
#define READ_SIZE (256 * 1024)

enum { TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

struct options {
    const char *mode, *path, *language;
    uint16_t port;
    int connections, window, concurrency, core;
    int rooms, channels;       /* hub: channels that subscribers spread over; further ones that each listens to alone */
    size_t size;
    double seconds, warmup, settle, drain;
    bool binary, tls, deflate, hold;
    int pids[MAX_PIDS], pid_count;
};

/* What went wrong.  Any value but zero makes the run invalid. */
struct errors {
    uint64_t lost;          /* a sequence number was skipped */
    uint64_t duplicated;    /* a message came again, or nobody had sent it */
    uint64_t corrupted;     /* right place, wrong bytes, opcode or length */
    uint64_t missing;       /* still not there `drain` seconds after the run */
    uint64_t closed;        /* the server closed a connection that it should have kept */
    uint64_t protocol;      /* masked, fragmented, reserved bits, bad upgrade */
    uint64_t lingering;     /* the server did not close its half after the close handshake (churn) */
};

enum state { FREE, CONNECTING, SECURING, UPGRADING, OPEN, CLOSING, DEAD };

/* Where a connection stands in the stream of frames that the server sends. */
struct reader {
    uint8_t head[10];
    uint8_t have;              /* header bytes collected */
    bool in_payload, wrong, rsv1;
    uint8_t opcode;
    uint64_t size, at;         /* payload size, and how much of it has passed */
    uint64_t seq;              /* which message this frame claims to be */
    uint8_t *collected;        /* payload of a control or compressed frame that came in pieces */
};

struct connection {
    int fd;
    uint32_t id;
    enum state state;
    uint32_t generation;       /* how often this slot has been used */
    bool watching_output;
    SSL *tls;
    struct reader reader;
    uint64_t sent, seen;       /* sequence numbers: next to send, next expected */
    uint64_t since;            /* ns: when the burst was written, or the cycle began */
    uint32_t subscribed;       /* channels that it listens to (hub) */
    uint8_t *out;              /* what the socket did not take */
    size_t out_size, out_sent;
    char *response;            /* the upgrade's answer so far */
    size_t response_size;
};

struct mode {
    const char *name;
    void (*opened)(struct connection *);
    void (*message)(struct connection *, uint64_t seq);  /* verified or counted as an error; already consumed */
    void (*closing)(struct connection *);                /* the server's close frame has been read */
    void (*ended)(struct connection *);                  /* the socket is gone */
    void (*turn)(void);                                  /* after each batch of events; may be NULL */
    uint64_t (*outstanding)(void);                       /* messages still on their way */
};

/* What the clients of a hub say and hear, in one wire language. */
struct language {
    const char *name, *protocol;                          /* subprotocol; NULL: none is offered */
    int opcode;
    void (*opened)(struct connection *);                  /* NULL: the server speaks first */
    size_t (*publish)(uint8_t *text, uint32_t id, uint64_t seq);
    bool (*holds)(struct connection *, const uint8_t *payload, size_t size);   /* a publication, byte for byte? sets reader.seq */
    bool (*event)(struct connection *, const uint8_t *payload, size_t size);   /* true: taken care of; false: a publication or answer */
    size_t (*call)(uint8_t *text, uint32_t id, uint64_t seq);                  /* NULL: it is never heard calling */
    bool (*answers)(struct connection *, const uint8_t *payload, size_t size); /* an answer, byte for byte? sets reader.seq */
};

/* What the measured part of a run came to; CPU times in ns. */
struct measured { double seconds, server_cpu, own_cpu, kernel_share; uint64_t messages; };

/* One process, one run: the only mutable globals. */
struct world {
    struct options options;
    struct errors errors;
    const struct mode *mode;
    const struct language *language;
    struct connection *connections;
    int epoll, opened;
    bool started, stopping;    /* messages may be sent; nothing new is sent */
    uint64_t now;              /* ns, at the event being handled */
    uint64_t received;         /* messages, since the start */
    uint64_t examined, distinct;   /* copies looked into, and those of them that were not the first's bytes */
    SSL_CTX *tls;
    uint8_t *scratch;          /* frames are built here before they are written */
};
extern struct world world;
extern const struct mode echo_mode, fan_mode, idle_mode, churn_mode, hub_mode, call_mode, storm_mode, http_mode;
extern const struct language native_language, msgpack_language, socketio_language, sockjs_language;
extern const struct language signalr_language, signalr_msgpack_language;

/* options.c */
void parse_options(int argc, char **argv);
/* clock.c */
uint64_t clock_ns(void);
uint64_t own_cpu_ns(void);
uint64_t server_cpu_ns(void);
void server_ticks(uint64_t *kernel, uint64_t *all);
void latency_reset(void);
void latency_add(uint64_t ns, uint64_t count);
double latency_us(double quantile);
/* payload.c */
void payload_setup(void);
void payload_copy(uint8_t *to, uint32_t id, uint64_t seq, uint32_t key);
bool payload_same(uint32_t id, uint64_t seq, size_t offset, const uint8_t *piece, size_t size);
bool payload_claims(const uint8_t *piece, uint64_t *seq);
/* frames.c */
size_t frame_write(uint8_t *to, uint32_t id, uint64_t seq);
size_t frame_write_deflated(uint8_t *to, uint32_t id, uint64_t seq);
void send_control(struct connection *, int opcode, const uint8_t *payload, size_t size);
void feed(struct connection *, const uint8_t *bytes, size_t size);
void complete_frame(struct connection *);
size_t frame_around(uint8_t *to, int opcode, const uint8_t *payload, size_t size);
bool enveloped(void);
/* copies.c */
void check_copy(struct connection *, const uint8_t *payload, size_t size);
/* hub.c */
size_t enveloped_write(uint8_t *to, uint32_t id, uint64_t seq);
void entered(struct connection *);
bool is_publisher(const struct connection *);
int channel_of(const struct connection *, char *to, size_t size);
void say(struct connection *, const uint8_t *payload, size_t size);
bool has(const uint8_t *payload, size_t size, const char *words);
bool data_holds(struct connection *, const uint8_t *data, size_t left);
void unexpected_event(const uint8_t *payload, size_t size);
/* msgpack.c */
size_t msgpack_text(uint8_t *to, const char *text);
size_t msgpack_size(uint8_t *to);
/* http.c */
void ask(struct connection *);
void http_feed(struct connection *, const uint8_t *bytes, size_t size);
/* storm.c */
bool storm_event(struct connection *, const uint8_t *payload, size_t size);
bool storm_prepared(void);
/* inflate.c */
bool inflates_to(struct connection *, const uint8_t *payload, size_t size);
size_t deflate_payload(uint8_t *to, uint32_t id, uint64_t seq);
/* connection.c */
void begin(struct connection *);
void transmit(struct connection *, const uint8_t *bytes, size_t size);
void drop(struct connection *);
void on_event(struct connection *, uint32_t events);
void send_burst(struct connection *, int count);
/* tls.c */
void tls_setup(void);
void tls_begin(struct connection *);
int tls_handshake(struct connection *);                             /* 1 done, 0 wait, -1 failed */
long tls_read(struct connection *, uint8_t *to, size_t size);       /* like recv; -1 with EAGAIN */
long tls_write(struct connection *, const uint8_t *from, size_t size);
void tls_end(struct connection *);
/* run.c */
void wait_events(uint64_t deadline);
int run_timed(void);
int run_idle(void);
void fail(const char *what) __attribute__((noreturn));

#endif
