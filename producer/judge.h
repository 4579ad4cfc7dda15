/*
 * Judges the lines of a JSONL file as tasks: the rules of common/message/task.h, and those that only a whole
 * file can break (a task_id twice, jobs that disagree with --job).
 */
#ifndef ASSAY_PRODUCER_JUDGE_H
#define ASSAY_PRODUCER_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/runtimes.h"
#include "producer/idset.h"
#include "producer/jobs.h"
#include "producer/lines.h"
#include "producer/source.h"
#include "producer/task_index.h"

#define JUDGE_KEYS_MAX 256

struct judge {
    const struct runtimes *runtimes;
    const char *job_id;         /* --job; NULL = the lines' own, else "default" */
    const struct idset *only;   /* tasks not in here are judged and left out; NULL = take all */
    struct idset *seen;         /* value = line number, and a judge_mark in its top bits */
    bool marked;                /* any of `seen` has a mark */
    struct jobs jobs;           /* what was taken */
    char *keys[JUDGE_KEYS_MAX]; /* distinct routing keys of what was taken */
    size_t key_count;
    struct task_index index; /* of what was taken; kept only with `keep_index` */
    bool keep_index;         /* judge_again will be asked; set before the first line */
    uint64_t lines;          /* the number of the last line judged */
    uint64_t taken, left_out;
};

bool judge_init(struct judge *judge, const struct runtimes *runtimes, const char *job_id,
                const struct idset *only, struct err *err);
void judge_free(struct judge *judge);

/* Why a task that was taken need not be published: marked between the first look at the file and the second.
 */
enum judge_mark {
    JUDGE_UNMARKED,
    JUDGE_STORED,    /* the database has its verdict */
    JUDGE_CONFIRMED, /* the broker has it, or had it: an earlier publish was told so */
};
/* False: no line of the file is this task. */
bool judge_mark(struct judge *judge, const char *job_id, const char *task_id, enum judge_mark mark);
enum judge_mark judge_mark_of(const struct judge *judge, const char *job_id, const char *task_id);

enum judged { JUDGED_TAKEN, JUDGED_LEFT_OUT, JUDGED_BAD };
/* JUDGED_TAKEN fills `out`, which the caller frees. JUDGED_BAD sets `err`, without file and line. */
enum judged judge_line(struct judge *judge, const struct line *line, struct outgoing *out, struct err *err);
/* The second look at a line that judge_line has taken or left out, in the same order: its JSON is not read
 * again. JUDGED_BAD when it is not the same task. Sets out->known of a marked one.
 */
enum judged judge_again(struct judge *judge, const struct line *line, struct outgoing *out, struct err *err);

#endif
