#include "producer/row_task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/message/compose.h"
#include "producer/claims.h"
#include "producer/language.h"
#include "producer/suite_source.h"

struct row_task {
    struct runtimes *runtimes;
    struct suite_source *suites;
};

struct row_task *row_task_new(const struct producer_config *config, struct err *err)
{
    struct row_task *tasks = calloc(1, sizeof *tasks);
    if (tasks == NULL || (tasks->suites = suite_source_new(config)) == NULL) {
        row_task_free(tasks);
        err_set(err, ERR_NO_MEMORY, "no memory");
        return NULL;
    }
    tasks->runtimes = producer_config_runtimes(config, err);
    if (tasks->runtimes == NULL) {
        row_task_free(tasks);
        return NULL;
    }
    return tasks;
}

void row_task_free(struct row_task *tasks)
{
    if (tasks == NULL)
        return;
    suite_source_free(tasks->suites);
    runtimes_free(tasks->runtimes);
    free(tasks);
}

void row_task_id(const char *id, char out[TEXT_ID_MAX + 1])
{
    (void)snprintf(out, TEXT_ID_MAX + 1, "reconstruction/%s", id);
}

static bool judge(const struct row_task *tasks, const struct task_draft *draft, struct outgoing *out,
                  struct err *err)
{
    size_t size = 0;
    autofree char *body = task_draft_to_json(draft, &size, err);
    if (body == NULL)
        return false;
    struct task_rules rules = {.runtimes = tasks->runtimes};
    struct task *task = task_parse(body, size, &rules, NULL, err);
    bool good = task != NULL && outgoing_from_task(out, task, err);
    task_free(task);
    return good;
}

bool row_task_compose(struct row_task *tasks, const struct pg_result *batch, int row, const char *job_id,
                      struct outgoing *out, struct err *err)
{
    const char *language = pg_value(batch, row, CLAIM_LANGUAGE);
    const char *program = pg_value(batch, row, CLAIM_IMPLEMENTATION);
    const struct runtime *runtime = language_runtime(tasks->runtimes, language);
    if (runtime == NULL)
        return err_set(err, ERR_INPUT, "applications.language '%s' is no runtime; known are %s", language,
                       runtimes_names(tasks->runtimes));
    char task_id[TEXT_ID_MAX + 1];
    row_task_id(pg_value(batch, row, CLAIM_ID), task_id);
    struct task_label labels[] = {{"application", pg_value(batch, row, CLAIM_APPLICATION)},
                                  {"model", pg_value(batch, row, CLAIM_MODEL)}};
    struct task_draft draft = {.task_id = task_id,
                               .job_id = job_id,
                               .runtime = runtime->name,
                               .implementation_code = {program, strlen(program)},
                               .has_reconstruction_id = true,
                               .reconstruction_id = strtoll(pg_value(batch, row, CLAIM_ID), NULL, 10),
                               .labels = labels,
                               .label_count = ARRAY_SIZE(labels)};
    if (!suite_source_get(tasks->suites, pg_value(batch, row, CLAIM_SUITE_PATH), clock_ms(),
                          &draft.test_suite_code, err) ||
        !judge(tasks, &draft, out, err))
        return false;
    out->tag = (uint64_t)draft.reconstruction_id;
    return true;
}
