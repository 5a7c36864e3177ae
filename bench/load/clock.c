/* Clocks: wall, our own CPU, the server's CPU, and the latency histogram. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "load.h"

#define FINE 64                 /* buckets per power of two: 1.6 % resolution */
#define BUCKETS (FINE * 40)

static uint64_t histogram[BUCKETS], samples;

static uint64_t read_clock(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t clock_ns(void) { return read_clock(CLOCK_MONOTONIC); }

uint64_t own_cpu_ns(void) { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

static uint64_t thread_cpu_ns(int pid, const char *thread) {
    char path[128];
    unsigned long long ns = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%.20s/schedstat", pid, thread);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    if (fscanf(file, "%llu", &ns) != 1) ns = 0;
    fclose(file);
    return ns;
}

/* User and kernel time of all threads of all the server's processes, in ns. */
uint64_t server_cpu_ns(void) {
    uint64_t total = 0;
    for (int i = 0; i < world.options.pid_count; i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/task", world.options.pids[i]);
        DIR *tasks = opendir(path);
        if (!tasks) continue;
        for (struct dirent *entry; (entry = readdir(tasks));)
            if (entry->d_name[0] != '.') total += thread_cpu_ns(world.options.pids[i], entry->d_name);
        closedir(tasks);
    }
    return total;
}

/* Of the server's CPU ticks so far (10 ms each), those spent in the kernel and all of them. */
void server_ticks(uint64_t *kernel, uint64_t *all) {
    *kernel = *all = 0;
    for (int i = 0; i < world.options.pid_count; i++) {
        char path[64], line[1024];
        unsigned long long user = 0, system = 0;
        snprintf(path, sizeof path, "/proc/%d/stat", world.options.pids[i]);
        FILE *file = fopen(path, "r");
        if (!file) continue;
        const char *rest = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
        fclose(file);
        if (!rest || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2) continue;
        *kernel += system;
        *all += user + system;
    }
}

static int bucket_of(uint64_t ns) {
    if (ns < FINE) return (int)ns;
    int shift = 63 - __builtin_clzll(ns) - 6;
    int index = (shift + 1) * FINE + (int)((ns >> shift) - FINE);
    return index < BUCKETS ? index : BUCKETS - 1;
}

static double middle_of(int index) {
    if (index < FINE) return index;
    int shift = index / FINE - 1;
    return ((double)(index % FINE + FINE) + 0.5) * (double)(1ull << shift);
}

void latency_reset(void) {
    memset(histogram, 0, sizeof histogram);
    samples = 0;
}

void latency_add(uint64_t ns, uint64_t count) {
    histogram[bucket_of(ns)] += count;
    samples += count;
}

double latency_us(double quantile) {
    uint64_t passed = 0, wanted = (uint64_t)(quantile * (double)samples);
    for (int i = 0; i < BUCKETS; i++) {
        passed += histogram[i];
        if (passed > wanted) return middle_of(i) / 1000.0;
    }
    return 0;
}
