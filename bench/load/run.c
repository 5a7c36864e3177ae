/* The run: open, settle, warm up, measure, drain; and the report, one JSON object per line on stdout. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include "load.h"

#define BATCH 512
#define SECOND 1000000000ull
#define OPEN_LIMIT (30 * SECOND)
#define STRAY_WAIT (SECOND / 20)

struct world world;

void fail(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* One turn of the loop: waits until `deadline` (ns) at most. */
void wait_events(uint64_t deadline) {
    static struct epoll_event events[BATCH];
    uint64_t now = clock_ns();
    int timeout = deadline > now ? (int)((deadline - now) / 1000000u) + 1 : 0;
    int count = epoll_wait(world.epoll, events, BATCH, timeout < 100 ? timeout : 100);
    if (count < 0 && errno != EINTR) fail("epoll_wait");
    world.now = clock_ns();
    for (int i = 0; i < count; i++) on_event(events[i].data.ptr, events[i].events);
    if (world.mode->turn) world.mode->turn();
}

static void run_for(uint64_t ns) {
    for (uint64_t end = clock_ns() + ns; clock_ns() < end;) wait_events(end);
}

/* Opens all connections, at most `concurrency` of them under way at once. */
static bool open_all(void) {
    const struct options *o = &world.options;
    uint64_t end = clock_ns() + OPEN_LIMIT;
    int begun = world.opened;
    while (world.opened < o->connections && clock_ns() < end && !world.errors.protocol && !world.errors.closed) {
        while (begun < o->connections && begun - world.opened < o->concurrency) begin(&world.connections[begun++]);
        wait_events(clock_ns() + SECOND / 10);
    }
    return world.opened == o->connections;
}

static void start_load(void) {
    if (world.mode == &echo_mode || world.mode == &call_mode)
        for (int i = 0; i < world.options.connections; i++) send_burst(&world.connections[i], world.options.window);
    if (world.mode == &http_mode)
        for (int i = 0; i < world.options.connections; i++) ask(&world.connections[i]);
    if (world.mode == &fan_mode || world.mode == &hub_mode) world.mode->turn();
    if (world.mode == &churn_mode)
        for (int i = 0; i < world.options.connections; i++) begin(&world.connections[i]);
}

static void drain(void) {
    world.stopping = true;
    for (uint64_t end = clock_ns() + (uint64_t)(world.options.drain * 1e9); world.mode->outstanding() && clock_ns() < end;)
        wait_events(clock_ns() + SECOND / 100);
    run_for(STRAY_WAIT);
    world.errors.missing += world.mode->outstanding();
}

/* Closes every open connection by the close handshake, so that no server has reason to complain. */
static void say_goodbye(void) {
    static const uint8_t code[2] = {1000 >> 8, 1000 & 255};
    const int count = world.options.connections;
    world.stopping = true;
    for (int i = 0; i < count; i++) {
        struct connection *c = &world.connections[i];
        if (c->state != OPEN) continue;
        c->state = CLOSING;
        send_control(c, CLOSE, code, 2);
    }
    uint64_t end = clock_ns() + (uint64_t)(world.options.drain * 1e9);
    for (int closing = count; closing && clock_ns() < end;) {
        wait_events(clock_ns() + SECOND / 100);
        closing = 0;
        for (int i = 0; i < count; i++) closing += world.connections[i].state == CLOSING;
    }
}

static uint64_t error_sum(const struct errors *e) {
    return e->lost + e->duplicated + e->corrupted + e->missing + e->closed + e->protocol + e->lingering;
}

static void report(const struct measured *m) {
    const struct options *o = &world.options;
    const struct errors *e = &world.errors;
    double count = m->messages ? (double)m->messages * 1e3 : 1;
    printf("{\"mode\":\"%s\",\"connections\":%d,\"size\":%zu,\"window\":%d,\"tls\":%s,\"deflate\":%s,\"binary\":%s,",
           world.mode->name, o->connections, o->size, o->window, o->tls ? "true" : "false",
           o->deflate ? "true" : "false", o->binary ? "true" : "false");
    printf("\"seconds\":%.6f,\"messages\":%llu,\"server_us\":%.5f,\"server_util\":%.4f,\"load_us\":%.5f,\"load_util\":%.4f,",
           m->seconds, (unsigned long long)m->messages, m->server_cpu / count, m->server_cpu / m->seconds / 1e9,
           m->own_cpu / count, m->own_cpu / m->seconds / 1e9);
    printf("\"kernel_share\":%.3f,\"p50_us\":%.2f,\"p99_us\":%.2f,\"examined\":%llu,\"distinct\":%llu,", m->kernel_share,
           latency_us(0.50), latency_us(0.99), (unsigned long long)world.examined, (unsigned long long)world.distinct);
    printf("\"errors\":{\"lost\":%llu,\"duplicated\":%llu,\"corrupted\":%llu,\"missing\":%llu,\"closed\":%llu,"
           "\"protocol\":%llu,\"lingering\":%llu}}\n", (unsigned long long)e->lost, (unsigned long long)e->duplicated,
           (unsigned long long)e->corrupted, (unsigned long long)e->missing, (unsigned long long)e->closed,
           (unsigned long long)e->protocol, (unsigned long long)e->lingering);
    fflush(stdout);
}

static struct measured measure(uint64_t ns) {
    uint64_t kernel, all, kernel_end, all_end, began = clock_ns(), messages = world.received;
    server_ticks(&kernel, &all);
    double server = (double)server_cpu_ns(), own = (double)own_cpu_ns();
    latency_reset();
    run_for(ns);
    struct measured m = {(double)(clock_ns() - began) / 1e9, (double)server_cpu_ns() - server, (double)own_cpu_ns() - own, 0,
                         world.received - messages};
    server_ticks(&kernel_end, &all_end);
    m.kernel_share = all_end > all ? (double)(kernel_end - kernel) / (double)(all_end - all) : 0;
    return m;
}

int run_timed(void) {
    const struct options *o = &world.options;
    if (world.mode != &churn_mode && !open_all()) {
        world.errors.missing += (uint64_t)(o->connections - world.opened);
        report(&(struct measured){.seconds = 1});
        return 1;
    }
    run_for((uint64_t)(o->settle * 1e9));       /* a server may register a subscriber after its 101 */
    world.started = true;
    start_load();
    run_for((uint64_t)(o->warmup * 1e9));
    struct measured m = measure((uint64_t)(o->seconds * 1e9));
    drain();
    say_goodbye();
    report(&m);
    return error_sum(&world.errors) ? 1 : 0;
}

static bool told_to_stop(void) {
    struct pollfd input = {.fd = 0, .events = POLLIN};
    return poll(&input, 1, 0) > 0;
}

/* Everything between the position that is recovered from and the last client's last message is what is measured. */
static int run_storm(void) {
    struct measured m = {.seconds = 1};
    if (storm_prepared()) {
        uint64_t began = clock_ns();
        double server = (double)server_cpu_ns(), own = (double)own_cpu_ns();
        latency_reset();
        world.opened = 1;                       /* the publisher */
        open_all();
        m = (struct measured){(double)(clock_ns() - began) / 1e9, (double)server_cpu_ns() - server,
                              (double)own_cpu_ns() - own, 0, world.received};
    }
    world.errors.missing += world.mode->outstanding();
    say_goodbye();
    report(&m);
    return error_sum(&world.errors) ? 1 : 0;
}

/* Says {"ready": N} when every connection is open (idle: has had its echo; call: its answer), then holds them until a byte or the end of stdin. */
int run_idle(void) {
    uint64_t began = clock_ns();
    bool complete = open_all();
    world.errors.missing += (uint64_t)(world.options.connections - world.opened);
    printf("{\"ready\":%d}\n", world.opened);
    fflush(stdout);
    while (complete && !told_to_stop()) wait_events(clock_ns() + SECOND / 20);
    struct measured m = {.seconds = (double)(clock_ns() - began) / 1e9, .messages = world.received};
    say_goodbye();
    report(&m);
    return complete && !error_sum(&world.errors) ? 0 : 1;
}

static void setup(void) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (world.options.core >= 0) {
        cpu_set_t cores;
        CPU_ZERO(&cores);
        CPU_SET((size_t)world.options.core, &cores);
        if (sched_setaffinity(0, sizeof cores, &cores)) perror("load: sched_setaffinity");
    }
    bool one_source = world.mode == &fan_mode || (enveloped() && world.mode != &call_mode);   /* payloads all come from connection 0 */
    if (one_source) world.options.connections++;                  /* the publisher */
    world.epoll = epoll_create1(EPOLL_CLOEXEC);
    world.connections = calloc((size_t)world.options.connections, sizeof *world.connections);
    world.scratch = malloc((world.options.size + 128) * (size_t)world.options.window + 512 * 1024);
    if (world.epoll < 0 || !world.connections || !world.scratch) fail("setup");
    for (int i = 0; i < world.options.connections; i++) world.connections[i].id = one_source ? 0 : (uint32_t)i;
    payload_setup();
    if (world.options.tls) tls_setup();
}

int main(int argc, char **argv) {
    parse_options(argc, argv);
    setup();
    if (world.mode == &storm_mode) return run_storm();
    return world.mode == &idle_mode || world.options.hold ? run_idle() : run_timed();
}
