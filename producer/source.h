/* Where tasks to publish come from: a file, a stream, two files of a single task, the database. */
#ifndef ASSAY_PRODUCER_SOURCE_H
#define ASSAY_PRODUCER_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/message/task.h"
#include "common/text.h"

struct dispatch;

/* A judged task, ready to go out. */
struct outgoing {
    char *body; /* malloc'ed */
    size_t body_size;
    char task_id[TEXT_ID_MAX + 1];
    char job_id[TEXT_ID_MAX + 1];
    char routing_key[256];
    uint64_t tag; /* the source's own: a line number, a row's id */
    bool known;   /* published before: not sent again, only waited for */
};

void outgoing_free(struct outgoing *outgoing); /* frees the body */
/* Fills `outgoing` from a parsed task. ERR_INPUT when it is too large as a message. */
bool outgoing_from_task(struct outgoing *outgoing, const struct task *task, struct err *err);
/* The same by the bytes that the task was parsed from, where nothing but ids has to be added to them. */
bool outgoing_from_line(struct outgoing *outgoing, const struct task *task, const char *line, size_t size,
                        struct err *err);
/* The same of a line that was judged before; `lacks` of its task, without TASK_LACKS_RUNTIME. */
bool outgoing_again(struct outgoing *outgoing, const char *line, size_t size, unsigned lacks,
                    const char *task_id, const char *job_id, const char *routing_key, struct err *err);

enum source_state {
    SOURCE_TASK,   /* `out` is filled and the caller's */
    SOURCE_LATER,  /* none now; the source wakes the loop when there may be one */
    SOURCE_END,    /* no more */
    SOURCE_FAILED, /* `err` says why; nothing more comes */
};

struct source {
    void *context;
    enum source_state (*next)(void *context, struct outgoing *out, struct err *err);
    /* The broker has the task (`confirmed`), or no queue took it. NULL where nobody asks. */
    void (*settled)(void *context, struct dispatch *dispatch, const char *job_id, const char *task_id,
                    uint64_t tag, bool confirmed);
};

#endif
