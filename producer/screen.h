/*
 * Text for people. What comes from tasks is untrusted: control characters (terminal escapes among them) are
 * shown, never sent. Pure.
 */
#ifndef ASSAY_PRODUCER_SCREEN_H
#define ASSAY_PRODUCER_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/buf.h"

enum screen_colour {
    COLOUR_NONE,
    COLOUR_GREEN,
    COLOUR_RED,
    COLOUR_YELLOW,
    COLOUR_MAGENTA,
    COLOUR_BOLD,
    COLOUR_DIM
};

/* A terminal that takes colours: isatty, NO_COLOR not set, TERM not "dumb". */
bool screen_has_colour(FILE *stream);
/* Columns of the terminal behind `stream`; 0 when it is none. */
size_t screen_columns(FILE *stream);
/* "" when not `enabled`. */
const char *screen_on(enum screen_colour colour, bool enabled);
const char *screen_off(bool enabled);

/* Columns that clean text takes: one a code point. */
size_t screen_width(const char *text);
/* Appends `text` as one line: control characters become spaces (newline, tab) or '?'; cut to `columns` with
 * an ellipsis when longer (0 = not cut). */
void screen_append_line(struct buf *out, const char *text, size_t columns);
/* The same over several lines, each behind `indent`; at most the last `lines_max` ones (0 = all). */
void screen_append_block(struct buf *out, const char *text, const char *indent, size_t lines_max);
/* "850 ms", "1.2 s", "3 min 05 s", "2 h 03 min". */
void screen_append_duration(struct buf *out, long long ms);
/* A JSON string with its quotes; `text` is valid UTF-8. */
void screen_append_json(struct buf *out, const char *text);

#endif
