/* The four kinds of load. */
#include "load.h"

static void unexpected_close(struct connection *c) {
    world.errors.closed += !world.stopping;
    drop(c);
}

static void count_opened(void) { world.opened++; }

static void lost_connection(struct connection *c) {
    (void)c;
    world.errors.closed += !world.stopping;
}

static void opened(struct connection *c) { (void)c; count_opened(); }

/* echo: a burst of `window` messages per connection, the next when the whole burst is back. */

static void echo_message(struct connection *c, uint64_t seq) {
    if (seq >= c->sent) {
        world.errors.duplicated++;
        return;
    }
    latency_add(world.now - c->since, 1);
    if (c->seen == c->sent && !world.stopping) send_burst(c, world.options.window);
}

static uint64_t echo_outstanding(void) {
    uint64_t total = 0;
    for (int i = 0; i < world.options.connections; i++)
        if (world.connections[i].state == OPEN) total += world.connections[i].sent - world.connections[i].seen;
    return total;
}

const struct mode echo_mode = {"echo", opened, echo_message, unexpected_close, lost_connection, NULL, echo_outstanding};

/* fan: the first connection publishes, all others must receive; `window` messages are in flight to the slowest. */

static struct { uint64_t sent, everywhere; uint32_t copies[RING]; uint64_t since[RING]; } fan;

static void fan_message(struct connection *c, uint64_t seq) {
    if (c == world.connections || seq >= fan.sent) {     /* the publisher itself must not hear it */
        world.errors.duplicated++;
        return;
    }
    fan.copies[seq % RING]++;
    uint32_t subscribers = (uint32_t)world.options.connections - 1;
    while (fan.everywhere < fan.sent && fan.copies[fan.everywhere % RING] == subscribers) {
        fan.copies[fan.everywhere % RING] = 0;
        latency_add(world.now - fan.since[fan.everywhere % RING], 1);
        fan.everywhere++;
    }
}

/* The publisher's turn comes after a batch of reads: what has become possible goes out in one write. */
static void fan_turn(void) {
    uint64_t allowed = fan.everywhere + (uint64_t)world.options.window;
    if (world.stopping || !world.started || fan.sent >= allowed) return;
    uint64_t now = clock_ns();
    for (uint64_t seq = fan.sent; seq < allowed; seq++) fan.since[seq % RING] = now;
    int count = (int)(allowed - fan.sent);
    fan.sent = allowed;
    send_burst(world.connections, count);
}

static uint64_t fan_outstanding(void) {
    uint64_t total = 0;
    for (int i = 1; i < world.options.connections; i++) total += fan.sent - world.connections[i].seen;
    return total;
}

const struct mode fan_mode = {"fan", opened, fan_message, unexpected_close, lost_connection, fan_turn, fan_outstanding};

/* idle: one echo per connection, then nothing. */

static void idle_opened(struct connection *c) {
    size_t size;
    if (world.options.deflate) size = frame_write_deflated(world.scratch, c->id, c->sent);
    else size = frame_write(world.scratch, c->id, c->sent);
    c->sent++;
    transmit(c, world.scratch, size);
}

static void idle_message(struct connection *c, uint64_t seq) {
    (void)seq;
    (void)c;
    count_opened();
}

const struct mode idle_mode = {"idle", idle_opened, idle_message, unexpected_close, lost_connection, NULL, echo_outstanding};

/* churn: connect, upgrade, close handshake, wait for the server's end of stream; then again. */

static void churn_opened(struct connection *c) {
    static const uint8_t code[2] = {1000 >> 8, 1000 & 255};
    c->state = CLOSING;
    send_control(c, CLOSE, code, 2);
}

static void churn_closing(struct connection *c) { c->seen = 1; }

static void churn_ended(struct connection *c) {
    if (c->seen) {
        world.received++;
        latency_add(world.now - c->since, 1);
    } else {
        world.errors.closed++;
    }
    c->seen = 0;
    if (!world.stopping) begin(c);
}

static void churn_message(struct connection *c, uint64_t seq) {
    (void)c;
    (void)seq;
    world.errors.duplicated++;
}

/* A server that leaves its half open after the handshake is helped along after a second, and reported. */
static void churn_turn(void) {
    static uint64_t looked;
    uint64_t now = clock_ns();
    if (now - looked < 100000000u) return;
    looked = now;
    for (int i = 0; i < world.options.connections; i++) {
        struct connection *c = &world.connections[i];
        if (c->state != CLOSING || !c->seen || now - c->since < 1000000000u) continue;
        world.errors.lingering++;
        drop(c);
    }
}

static uint64_t churn_outstanding(void) {
    uint64_t total = 0;
    for (int i = 0; i < world.options.connections; i++) total += world.connections[i].state != DEAD;
    return total;
}

const struct mode churn_mode = {"churn", churn_opened, churn_message, churn_closing, churn_ended, churn_turn, churn_outstanding};
