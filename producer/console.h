/*
 * What dispatch shows: the progress line on a terminal (standard error), verdicts on standard output, and the
 * results file. The progress line is taken away before anything else is written.
 */
#ifndef ASSAY_PRODUCER_CONSOLE_H
#define ASSAY_PRODUCER_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/message/result.h"
#include "producer/progress.h"

enum console_output {
    OUTPUT_NONE,
    OUTPUT_LINES, /* a readable line a verdict on standard output */
    OUTPUT_JSON,  /* the result messages, one a line, on standard output */
};

struct results_file;

struct console {
    enum console_output output;
    struct results_file *results; /* NULL = none */
    bool colour, progress_drawn;
    size_t columns;
};

/* `results_file` may be NULL. Refuses what cannot be written; does not empty it yet. */
bool console_open(struct console *console, enum console_output output, const char *results_file,
                  struct err *err);
/* Once the broker is there: an older run's results go. */
bool console_start(struct console *console, struct err *err);
bool console_verdict(struct console *console, const struct result *result, const char *body, size_t size,
                     struct err *err);
/* After each round. ERR_IO: disk full, closed pipe. */
bool console_flush(struct console *console, struct err *err);
void console_draw_progress(struct console *console, const struct progress *progress, const char *stalled);
void console_clear_progress(struct console *console);
/* May be called again. */
bool console_close(struct console *console, struct err *err);

#endif
