#include "common/message/result.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/message/job.h"

static const char *const status_names[STATUS_COUNT] = {"pass", "fail", "timeout", "error"};

static const char *const reason_names[REASON_COUNT] = {
    "ok",       "assertion", "wrong_output", "wall_time", "cpu_time",      "memory",
    "output",   "processes", "disk",         "crash",     "compile",       "no_tests",
    "tampered", "bad_task",  "expired",      "cancelled", "undeliverable", "infra"};

static const char *const outcome_names[OUTCOME_COUNT] = {"passed",  "failed",  "error",  "skipped",
                                                         "xfailed", "xpassed", "not_run"};

static bool find_name(const char *const *names, int count, const char *name, int *index)
{
    for (*index = 0; *index < count; (*index)++)
        if (strcmp(names[*index], name) == 0)
            return true;
    return false;
}

const char *status_name(enum status status)
{
    return status_names[status];
}

bool status_parse(const char *name, enum status *status)
{
    int index;
    if (!find_name(status_names, STATUS_COUNT, name, &index))
        return false;
    *status = (enum status)index;
    return true;
}

const char *reason_name(enum reason reason)
{
    return reason_names[reason];
}

bool reason_parse(const char *name, enum reason *reason)
{
    int index;
    if (!find_name(reason_names, REASON_COUNT, name, &index))
        return false;
    *reason = (enum reason)index;
    return true;
}

const char *outcome_name(enum outcome outcome)
{
    return outcome_names[outcome];
}

bool outcome_parse(const char *name, enum outcome *outcome)
{
    int index;
    if (!find_name(outcome_names, OUTCOME_COUNT, name, &index))
        return false;
    *outcome = (enum outcome)index;
    return true;
}

bool reason_is_replaceable(enum reason reason)
{
    return reason == REASON_UNDELIVERABLE || reason == REASON_CANCELLED || reason == REASON_EXPIRED ||
           reason == REASON_INFRA;
}

struct result *result_new(void)
{
    struct result *result = calloc(1, sizeof(*result));
    if (result != NULL) {
        result->status = STATUS_ERROR;
        result->reason = REASON_INFRA;
    }
    return result;
}

static void free_strings(char **strings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(strings[i]);
    free(strings);
}

void result_free(struct result *result)
{
    if (result == NULL)
        return;
    free(result->runtime);
    json_decref(result->labels);
    free_strings(result->errors, result->error_count);
    for (size_t i = 0; i < result->test_count; i++) {
        free(result->tests[i].name);
        free(result->tests[i].message);
    }
    free(result->tests);
    free(result->out);
    free(result->err);
    json_decref(result->coverage);
    free(result->worker);
    free_strings(result->sandbox, result->sandbox_count);
    free(result);
}

/* A copy that PostgreSQL can hold, of at most `most` bytes (head and tail). NULL without memory. */
static char *bounded_copy(const char *text, size_t size, size_t most)
{
    if (size <= most && text_is_utf8(text, size, NULL) && memchr(text, '\0', size) == NULL)
        return strndup(text, size);
    autobuf struct buf clean = BUF_INIT, bounded = BUF_INIT;
    text_append_clean(&clean, text, size);
    (void)text_append_head_tail(&bounded, buf_text(&clean), clean.size, most);
    return clean.failed ? NULL : buf_steal(&bounded, NULL);
}

/* The array with room for one more, grown by doubling; NULL without memory (the old one is still good). */
static void *with_room(void *array, size_t count, size_t item_size)
{
    if (count != 0 && (count < 8 || (count & (count - 1)) != 0))
        return array; /* between two powers of two (8 at first) there is room */
    return realloc(array, (count == 0 ? 8 : count * 2) * item_size);
}

void result_add_error(struct result *result, const char *text, size_t size)
{
    if (result->error_count >= RESULT_ERRORS_MAX)
        return;
    char **errors = with_room(result->errors, result->error_count, sizeof(*errors));
    char *copy = bounded_copy(text, size, RESULT_ERROR_BYTES_MAX);
    if (errors != NULL)
        result->errors = errors;
    if (errors != NULL && copy != NULL)
        errors[result->error_count++] = steal_ptr(copy);
    free(copy);
}

static bool add_test(struct result *result, const char *name, enum outcome outcome, int64_t ms,
                     const char *message)
{
    if (result->test_count >= RESULT_TESTS_MAX)
        return false;
    struct result_test *tests = with_room(result->tests, result->test_count, sizeof(*tests));
    if (tests == NULL)
        return false;
    result->tests = tests;
    struct result_test test = {.outcome = outcome, .ms = ms < 0 ? 0 : ms};
    test.name = bounded_copy(name, strlen(name), RESULT_TEST_NAME_MAX);
    if (test.name == NULL)
        return false;
    if (message != NULL && message[0] != '\0')
        test.message = bounded_copy(message, strlen(message), RESULT_MESSAGE_MAX);
    tests[result->test_count++] = test;
    return true;
}

void result_add_test(struct result *result, const char *name, enum outcome outcome, int64_t ms,
                     const char *message)
{
    if (!add_test(result, name, outcome, ms, message))
        result->tests_truncated = true;
}

bool result_set_label(struct result *result, const char *name, const char *value)
{
    if (result->labels == NULL)
        result->labels = json_object();
    return result->labels != NULL && json_object_set_new(result->labels, name, json_string(value)) == 0;
}

void result_routing_key(const struct result *result, struct buf *out)
{
    job_routing_word(result->job_id, out);
    buf_printf(out, ".%s", status_name(result->status));
}
