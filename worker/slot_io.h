/*
 * The worker's ends of a step's pipes, driven by the loop: readers that hand on what the program writes while
 * it runs, feeders that write its input as it reads. Every end is O_CLOEXEC; ours are O_NONBLOCK, the
 * program's are not. The process must ignore SIGPIPE (slot_open sees to it).
 */
#ifndef ASSAY_WORKER_SLOT_IO_H
#define ASSAY_WORKER_SLOT_IO_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/loop.h"

/* Called with each piece. May close the reader. */
typedef void slot_sink_fn(void *context, const char *data, size_t size);

struct slot_reader {
    int fd; /* -1 = closed */
    struct loop_watch *watch;
    slot_sink_fn *sink;
    void *context;
};

struct slot_feeder {
    int fd; /* -1 = closed */
    struct loop_watch *watch;
    const char *data;
    size_t size, written;
};

#define SLOT_READER_CLOSED                                                                                   \
    {                                                                                                        \
        -1, NULL, NULL, NULL                                                                                 \
    }
#define SLOT_FEEDER_CLOSED                                                                                   \
    {                                                                                                        \
        -1, NULL, NULL, 0, 0                                                                                 \
    }

/* A pipe whose write end is the program's: `*program_end` is the caller's to close. */
bool slot_reader_open(struct slot_reader *reader, struct loop *loop, slot_sink_fn *sink, void *context,
                      int *program_end, struct err *err);
/* The same over a socket pair, which, unlike a pipe, nobody can open for reading through /proc/self/fd: for
 * the report, whose lines carry the secret. */
bool slot_reader_open_private(struct slot_reader *reader, struct loop *loop, slot_sink_fn *sink,
                              void *context, int *program_end, struct err *err);
/* Hands on what is there now, without waiting for the end: after the step, when only descriptors that escaped
 * could hold the pipe open. */
void slot_reader_drain(struct slot_reader *reader);
void slot_reader_close(struct slot_reader *reader);

/* A pipe whose read end is the program's: `*program_end` is the caller's to close. The program waits. */
bool slot_feeder_open(struct slot_feeder *feeder, int *program_end, struct err *err);
/* All that it will read, once. `data` stays the caller's and must live until the feeder is closed. A program
 * that does not read all of it is no error. */
bool slot_feeder_feed(struct slot_feeder *feeder, struct loop *loop, const char *data, size_t size,
                      struct err *err);
void slot_feeder_close(struct slot_feeder *feeder);

#endif
