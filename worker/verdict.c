#include "worker/verdict.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"

static struct result *error_result(enum reason reason, const char *text)
{
    struct result *result = result_new();
    if (result == NULL)
        return NULL;
    result->status = STATUS_ERROR;
    result->reason = reason;
    result_add_error(result, text, strlen(text));
    return result;
}

struct result *verdict_for_task(const struct task *task, enum reason reason, const char *text)
{
    struct result *result = error_result(reason, text);
    if (result == NULL)
        return NULL;
    strcpy(result->task_id, task->task_id);
    strcpy(result->job_id, task->job_id);
    result->runtime = strdup(task->runtime->name);
    result->has_reconstruction_id = task->has_reconstruction_id;
    result->reconstruction_id = task->reconstruction_id;
    for (size_t i = 0; i < task->label_count; i++)
        (void)result_set_label(result, task->labels[i].name, task->labels[i].value);
    return result;
}

struct result *verdict_for_bad_task(const struct task_identity *identity, const char *text)
{
    struct result *result = error_result(REASON_BAD_TASK, text);
    if (result == NULL)
        return NULL;
    strcpy(result->task_id, identity->task_id);
    strcpy(result->job_id, identity->job_id);
    result->runtime = identity->runtime[0] != '\0' ? strdup(identity->runtime) : NULL;
    result->has_reconstruction_id = identity->has_reconstruction_id;
    result->reconstruction_id = identity->reconstruction_id;
    return result;
}

bool verdict_is_expired(const struct task *task, int64_t now_unix_ms)
{
    return task->has_expires_at && now_unix_ms > task->expires_at_ms;
}

struct result *verdict_expired(const struct task *task, int64_t now_unix_ms)
{
    char expires_at[RFC3339_SIZE];
    char now[RFC3339_SIZE];
    clock_rfc3339(task->expires_at_ms, expires_at);
    clock_rfc3339(now_unix_ms, now);
    char text[160];
    (void)snprintf(text, sizeof text, "not run: expires_at %s had passed when it was taken up at %s",
                   expires_at, now);
    return verdict_for_task(task, REASON_EXPIRED, text);
}

struct result *verdict_cancelled(const struct task *task)
{
    return verdict_for_task(task, REASON_CANCELLED, "its job was cancelled");
}
