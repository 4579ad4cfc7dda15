/* Messages made from parts by a publisher: a task from texts that do not come as JSON, a job's labels. Pure.
 */
#ifndef ASSAY_COMMON_MESSAGE_COMPOSE_H
#define ASSAY_COMMON_MESSAGE_COMPOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/message/job.h"
#include "common/message/task.h"

struct task_draft {
    const char *task_id; /* each pointer is borrowed; NULL = the field is left out */
    const char *job_id;
    const char *runtime;
    const char *lane;
    struct blob implementation_code;
    struct blob test_suite_code;
    struct blob case_stdin; /* one case, made when expected_stdout is there */
    struct blob case_expected_stdout;
    int64_t wall_ms; /* 0 = left out */
    bool coverage;
    bool has_reconstruction_id;
    int64_t reconstruction_id;
    const struct task_label *labels;
    size_t label_count;
};

/* malloc'ed JSON, which task_parse still has to judge. NULL with ERR_INPUT when a text is not UTF-8 (the
 * message names the field). */
char *task_draft_to_json(const struct task_draft *draft, size_t *size, struct err *err);
/* ERR_INPUT when the label is not UTF-8. */
bool job_message_set_label(struct job_message *message, const char *name, const char *value, struct err *err);

#endif
