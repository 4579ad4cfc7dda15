/*
 * What is kept of one output stream of a step: head and tail within a bound, the total, and the moment from
 * which the program has written too much. Pure.
 *
 * Two ways. A *bounded* capture forgets the middle as it goes. A *whole* capture keeps everything up to its
 * kill bound, because the output of a case has to be compared in full: its kill bound is at least the size of
 * the expected output and some (capture_case_kill_bytes), so that a right answer always fits.
 */
#ifndef ASSAY_WORKER_CAPTURE_H
#define ASSAY_WORKER_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

#define CAPTURE_KILL_FACTOR 16 /* DESIGN section 2: a program that writes 16 times the limit is killed */
#define CAPTURE_CASE_SLACK  ((size_t)64 * 1024)

struct capture {
    size_t keep_bytes;
    size_t kill_bytes; /* 0 = never: the middle is dropped for as long as the stream lasts */
    bool whole;
    bool failed; /* out of memory */
    uint64_t total_bytes;
    struct buf head; /* all of it when `whole` */
    struct buf tail; /* the last bytes after `head`; at most twice what is kept, trimmed now and then */
};

/* Everything of `capture` is overwritten. */
void capture_init(struct capture *capture, size_t keep_bytes, size_t kill_bytes, bool whole);
void capture_free(struct capture *capture);
/* False once more than kill_bytes were written (or memory ran out: `failed`): the program is to be killed. */
bool capture_append(struct capture *capture, const char *data, size_t size);
/* Everything that was written; only of a whole capture that never returned false. */
const char *capture_whole(struct capture *capture, size_t *size);
/* Appends head and tail as clean UTF-8, cut at character borders, with a mark that tells how much is missing.
 * True when something is. */
bool capture_text(struct capture *capture, struct buf *out);
/* The last bytes, at most `size`, as they were written; valid until the next change. */
const char *capture_tail(struct capture *capture, size_t size, size_t *got);

/* The kill bound of a case's standard output. */
size_t capture_case_kill_bytes(size_t output_bytes, size_t expected_bytes);

#endif
