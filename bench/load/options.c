/* The command line. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "load.h"

static const char usage[] =
    "load --mode echo|fan|hub|call|storm|idle|churn --port N [--path /] [--connections N] [--size BYTES] [--window N]\n"
    "     [--settle S] [--warmup S] [--seconds S] [--drain S] [--concurrency N] [--pids P,P] [--core N] [--binary] [--tls] [--deflate]\n"
    "     hub: [--language json|msgpack|socketio|signalr|signalr-msgpack|sockjs] [--rooms N] [--channels N] [--hold]\n"
    "     call: --language socketio|sockjs [--hold]; fan: [--hold]; a * in the path is another word on every connection\n";

static const struct option known[] = {
    {"mode", 1, 0, 'm'}, {"port", 1, 0, 'p'}, {"path", 1, 0, 'P'}, {"connections", 1, 0, 'c'},
    {"size", 1, 0, 's'}, {"window", 1, 0, 'w'}, {"seconds", 1, 0, 't'}, {"warmup", 1, 0, 'u'},
    {"concurrency", 1, 0, 'C'}, {"pids", 1, 0, 'i'}, {"core", 1, 0, 'k'}, {"binary", 0, 0, 'b'},
    {"settle", 1, 0, 'S'}, {"drain", 1, 0, 'D'}, {"tls", 0, 0, 'T'}, {"deflate", 0, 0, 'd'},
    {"language", 1, 0, 'l'}, {"rooms", 1, 0, 'r'}, {"channels", 1, 0, 'n'}, {"hold", 0, 0, 'h'}, {0, 0, 0, 0},
};

static void parse_pids(struct options *o, char *list) {
    for (char *item = strtok(list, ","); item && o->pid_count < MAX_PIDS; item = strtok(NULL, ","))
        o->pids[o->pid_count++] = atoi(item);
}

static void set_option(struct options *o, int letter) {
    switch (letter) {
    case 'm': o->mode = optarg; break;
    case 'p': o->port = (uint16_t)atoi(optarg); break;
    case 'P': o->path = optarg; break;
    case 'c': o->connections = atoi(optarg); break;
    case 's': o->size = (size_t)atol(optarg); break;
    case 'w': o->window = atoi(optarg); break;
    case 't': o->seconds = atof(optarg); break;
    case 'u': o->warmup = atof(optarg); break;
    case 'S': o->settle = atof(optarg); break;
    case 'D': o->drain = atof(optarg); break;
    case 'C': o->concurrency = atoi(optarg); break;
    case 'i': parse_pids(o, optarg); break;
    case 'k': o->core = atoi(optarg); break;
    case 'b': o->binary = true; break;
    case 'T': o->tls = true; break;
    case 'd': o->deflate = true; break;
    case 'l': o->language = optarg; break;
    case 'r': o->rooms = atoi(optarg); break;
    case 'n': o->channels = atoi(optarg); break;
    case 'h': o->hold = true; break;
    default: fputs(usage, stderr); exit(2);
    }
}

static void choose_mode(const char *name) {
    static const struct mode *modes[] = {&echo_mode, &fan_mode, &idle_mode, &churn_mode, &hub_mode, &call_mode, &storm_mode,
        &http_mode};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (name && !strcmp(name, modes[i]->name)) world.mode = modes[i];
}

static void choose_language(const char *name) {
    static const struct language *languages[] = {
        &native_language, &msgpack_language, &socketio_language, &signalr_language, &signalr_msgpack_language, &sockjs_language};
    for (size_t i = 0; i < sizeof languages / sizeof *languages; i++)
        if (!strcmp(name, languages[i]->name)) world.language = languages[i];
}

void parse_options(int argc, char **argv) {
    struct options *o = &world.options;
    *o = (struct options){.path = "/", .language = "json", .rooms = 1, .connections = 100, .size = 32, .window = 1, .seconds = 1.0,
                          .settle = 0.2, .warmup = 0.3,
                          .drain = 2.0, .concurrency = 128, .core = -1};
    for (int letter; (letter = getopt_long(argc, argv, "", known, NULL)) != -1;) set_option(o, letter);
    choose_mode(o->mode);
    choose_language(o->language);
    bool ok = world.mode && world.language && o->port && o->connections > 0 && o->window > 0 && o->window <= RING / 2;
    if (ok && world.mode == &call_mode) ok = world.language->call != NULL;
    if (!ok || ((o->deflate || enveloped()) && o->size < TAG_SIZE)) {
        fputs(usage, stderr);
        exit(2);
    }
}
