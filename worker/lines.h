/*
 * Reads JSONL line by line from a descriptor without stalling the event loop: a pipe or terminal is watched,
 * a regular file is read when asked. Memory is bounded: a line over LINES_SIZE_MAX is skipped to its end and
 * reported as too long.
 */
#ifndef ASSAY_WORKER_LINES_H
#define ASSAY_WORKER_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/message/names.h"

#define LINES_SIZE_MAX MESSAGE_SIZE_MAX

struct lines {
    int fd; /* the caller's */
    struct buf pending;
    size_t searched; /* bytes of `pending` known to hold no newline */
    size_t taken;    /* bytes of `pending` handed out by the last lines_next */
    int64_t number;  /* of the last line handed out, from 1 */
    bool skipping;   /* in a line that is too long */
    bool end;        /* end of file was read */
};

enum lines_answer { LINES_LINE, LINES_TOO_LONG, LINES_NEED_INPUT, LINES_END };

void lines_init(struct lines *lines, int fd);
void lines_free(struct lines *lines);
/* Reads once: blocks where the descriptor does. False with ERR_IO. */
bool lines_read(struct lines *lines, struct err *err);
/* The next line without its newline, valid until the next call of lines_next or lines_read. Blank lines are
 * skipped. LINES_TOO_LONG: `line` is the beginning of the line. */
enum lines_answer lines_next(struct lines *lines, const char **line, size_t *size);

#endif
