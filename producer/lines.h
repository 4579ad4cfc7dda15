/*
 * Lines out of a stream of bytes, with numbers and a bound on their length: pure, the caller reads. A line
 * that is longer than the bound is dropped while it arrives and reported once, so memory stays bounded.
 */
#ifndef ASSAY_PRODUCER_LINES_H
#define ASSAY_PRODUCER_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lines {
    char *data;
    size_t start, end; /* what is not taken yet */
    size_t scanned;    /* no newline before this offset */
    size_t capacity;
    size_t limit;    /* bytes of a line, newline apart */
    uint64_t number; /* of the last line handed out */
    bool dropping;   /* inside a line that is too long */
    bool ended;
};

struct line {
    const char *text; /* without its newline; valid until the next call on `lines` */
    size_t size;
    uint64_t number; /* 1-based */
    bool too_long;   /* text is empty then */
};

void lines_init(struct lines *lines, size_t limit);
void lines_free(struct lines *lines);
/* Where the next bytes go: at least `*room` = 64 KiB of them. NULL without memory. */
char *lines_reserve(struct lines *lines, size_t *room);
void lines_commit(struct lines *lines, size_t size);
/* No more bytes will come: what is left counts as the last line. */
void lines_end(struct lines *lines);
/* False: no complete line is there. A byte order mark in front of the first line is skipped. */
bool lines_next(struct lines *lines, struct line *line);
/* Nothing but JSON white space: skipped by readers of JSONL. */
bool line_is_blank(const struct line *line);

#endif
