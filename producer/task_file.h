/*
 * A JSONL file of tasks as a source. A regular file (also as standard input) is read twice: once to judge
 * every line before anything is published, once to publish; only ids stay in memory. A pipe is judged and
 * published window by window.
 */
#ifndef ASSAY_PRODUCER_TASK_FILE_H
#define ASSAY_PRODUCER_TASK_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "producer/judge.h"
#include "producer/source.h"

struct task_file_source;

/* `path` "-" is standard input. `judge` is borrowed. `window`: lines of a stream that are judged together. */
struct task_file_source *task_file_open(const char *path, struct judge *judge, size_t window,
                                        struct err *err);
void task_file_close(struct task_file_source *file); /* NULL is fine */
/* A pipe: cannot be read twice. */
bool task_file_is_stream(const struct task_file_source *file);
/* The whole file, judged. Every bad line (20 at most, then their number) goes to standard error as
 * "FILE:LINE: ..."; then false with ERR_INPUT. A file without tasks is ERR_INPUT too. A stream is used up by
 * it. */
bool task_file_judge(struct task_file_source *file, struct err *err);
/* The tasks for dispatch. A stream's bad lines are printed as above and end it; `dispatch` is the one that
 * runs the source and is woken when a stream has more. */
void task_file_source(struct task_file_source *file, struct dispatch *dispatch, struct source *source);
/* "FILE" or "<stdin>". */
const char *task_file_name(const struct task_file_source *file);

#endif
