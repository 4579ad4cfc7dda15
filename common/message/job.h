/*
 * Messages about jobs and workers: `assay.job.v1` (a publisher tells the collector a job's total and labels),
 * `assay.control.v1` (a job is cancelled, or its cancel lifted) and `assay.event.v1` (a worker's hello,
 * heartbeat, goodbye). docs/messages.md, conf/messages/. Pure.
 */
#ifndef ASSAY_COMMON_MESSAGE_JOB_H
#define ASSAY_COMMON_MESSAGE_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/text.h"

/* Appends a job_id as one word of a topic key: '.' ends a word there and becomes '_' (so that two jobs may
 * share a word: who binds by it compares job_id as well). */
void job_routing_word(const char *job_id, struct buf *out);

/*
 * A job's total is the sum over its distinct parts. A part is one published set of tasks, named by a digest
 * of its task ids that does not depend on their order: publishing the same file again announces the same part
 * and does not raise the total.
 */
struct job_message {
    char job_id[TEXT_ID_MAX + 1];
    char part[65];         /* hex digest */
    int64_t total;         /* tasks of this part */
    struct json_t *labels; /* an object of strings, or NULL; owned */
};

void job_message_free(struct job_message *message); /* frees the members */
void job_message_to_json(const struct job_message *message, struct buf *out);
bool job_message_parse(const char *body, size_t size, struct job_message *message, struct err *err);

/* The labels alone; "{}" when there are none. */
void job_labels_to_json(const struct job_message *message, struct buf *out);

/* Sums the task ids of a part: start from zeros, add each id once, then print. */
struct job_part {
    unsigned char sum[32];
    int64_t count;
};
void job_part_add(struct job_part *part, const char *task_id);
void job_part_hex(const struct job_part *part, char out[65]);

enum control_order {
    CONTROL_CANCEL, /* end the job's tasks, now and whenever one comes */
    CONTROL_RESUME, /* run them again: the cancel is lifted */
    CONTROL_TOLD,   /* some workers, who said hello, have been told all orders that stand */
};

struct control_message {
    enum control_order order;
    char job_id[TEXT_ID_MAX + 1]; /* "" for CONTROL_TOLD */
    char *workers;                /* CONTROL_TOLD: their names, separated by commas; owned */
};
void control_message_free(struct control_message *message); /* frees the members */
void control_message_to_json(const struct control_message *message, struct buf *out);
bool control_message_parse(const char *body, size_t size, struct control_message *message, struct err *err);
/* Is the worker one of those that have been told? */
bool control_message_names(const struct control_message *message, const char *worker);

enum worker_event_kind { WORKER_HELLO, WORKER_HEARTBEAT, WORKER_GOODBYE };

struct worker_event {
    enum worker_event_kind kind;
    char worker[TEXT_ID_MAX + 1];
    char host[TEXT_ID_MAX + 1];
    int64_t pid;
    char version[32];
    int64_t slots, busy;             /* slots in all, and those that run a task */
    bool consuming;                  /* false: paused (sick, blocked or draining) */
    char runtimes[1024];             /* comma-separated */
    int64_t tasks_done, tasks_error; /* since the start */
    int64_t started_at_ms;           /* Unix epoch */
    int64_t heartbeat_s;             /* how often the next one comes: silence of three of them means lost */
};
void worker_event_to_json(const struct worker_event *event, struct buf *out);
bool worker_event_parse(const char *body, size_t size, struct worker_event *event, struct err *err);
const char *worker_event_name(enum worker_event_kind kind);

#endif
