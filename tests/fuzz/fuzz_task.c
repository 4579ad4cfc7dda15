/* task_parse, and the JSON that the producer makes of a task. */
#include "fuzz.h"

#include <string.h>

#include "common/message/task.h"
#include "runtimes_fixture.h"

static struct runtimes *runtimes;

static void check_task(const struct task *task)
{
    FUZZ_REQUIRE(text_is_id(task->task_id, strlen(task->task_id)));
    FUZZ_REQUIRE(text_is_id(task->job_id, strlen(task->job_id)));
    FUZZ_REQUIRE(task->runtime != NULL);
    FUZZ_REQUIRE(task->test_suite_code.data != NULL || task->case_count > 0);
    FUZZ_REQUIRE(task->test_suite_code.data == NULL || task->runtime->suite_protocol != SUITE_NONE);
    FUZZ_REQUIRE(task->file_count <= TASK_FILES_MAX && task->case_count <= TASK_CASES_MAX);
    for (size_t i = 0; i < LIMIT_KEY_COUNT; i++) {
        int64_t value = limits_get(&task->limits, &limit_keys[i]);
        FUZZ_REQUIRE(value > 0 && value <= limits_get(&task->runtime->maximum, &limit_keys[i]));
    }
    for (size_t i = 0; i < task->file_count; i++) {
        const char *path = task->files[i].path;
        FUZZ_REQUIRE(text_path_problem(path, strlen(path)) == NULL);
        FUZZ_REQUIRE(task->files[i].content.data != NULL);
        FUZZ_REQUIRE(task->implementation_code.data == NULL ||
                     strcmp(path, task->runtime->program_file) != 0);
    }
    for (size_t i = 0; i < task->case_count; i++) {
        const struct task_case *item = &task->cases[i];
        FUZZ_REQUIRE(item->name[0] != '\0' && item->input.data != NULL && item->expected_stdout.data != NULL);
        FUZZ_REQUIRE(item->args[item->arg_count] == NULL && item->tolerance >= 0);
    }
}

static void check_refusal(const struct err *err)
{
    FUZZ_REQUIRE(err->code == ERR_INPUT && err->text[0] != '\0');
    FUZZ_REQUIRE(strpbrk(err->text, "\r\n") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (runtimes == NULL)
        runtimes = fixture_runtimes();
    char *body = fuzz_copy(data, size);
    struct task_rules rules = {.runtimes = runtimes, .message_id = "message"};
    struct task_identity identity;
    struct err err = ERR_INIT;
    struct task *task = task_parse(body, size, &rules, &identity, &err);
    FUZZ_REQUIRE(text_is_id(identity.task_id, strlen(identity.task_id)));
    FUZZ_REQUIRE(text_is_id(identity.job_id, strlen(identity.job_id)));
    free(body);
    if (task == NULL) {
        check_refusal(&err);
        return 0;
    }
    check_task(task);
    FUZZ_REQUIRE(strcmp(identity.task_id, task->task_id) == 0 && strcmp(identity.job_id, task->job_id) == 0);
    size_t again_size = 0;
    char *json = task_to_json(task, &again_size);
    FUZZ_REQUIRE(json != NULL);
    struct task *again = task_parse(json, again_size, &rules, NULL, &err);
    FUZZ_REQUIRE(again != NULL && strcmp(again->task_id, task->task_id) == 0);
    FUZZ_REQUIRE(memcmp(&again->limits, &task->limits, sizeof(struct limits)) == 0);
    task_free(again);
    free(json);
    task_free(task);
    return 0;
}
