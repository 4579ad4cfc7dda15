/*
 * Verdicts of tasks that did not run, or whose run the machinery spoilt: status error, no pass rate. Pure.
 */
#ifndef ASSAY_WORKER_VERDICT_H
#define ASSAY_WORKER_VERDICT_H

#include "common/message/result.h"
#include "common/message/task.h"

/* `text` becomes the first of the errors. The caller frees the result; NULL without memory. */
struct result *verdict_for_task(const struct task *task, enum reason reason, const char *text);
/* For a body that is no task: error/bad_task under whatever identity could be read. */
struct result *verdict_for_bad_task(const struct task_identity *identity, const char *text);

/* expires_at has passed. */
bool verdict_is_expired(const struct task *task, int64_t now_unix_ms);
struct result *verdict_expired(const struct task *task, int64_t now_unix_ms);
struct result *verdict_cancelled(const struct task *task);

#endif
