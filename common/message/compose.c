#include "common/message/compose.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/message/json_memory.h"

/* Steals `value`; NULL (no memory, or text that is not UTF-8) marks the failure. */
static void put(json_t *object, const char *name, json_t *value, const char **failed)
{
    if (json_object_set_new(object, name, value) != 0 && *failed == NULL)
        *failed = name;
}

static void put_text(json_t *object, const char *name, const char *text, const char **failed)
{
    if (text != NULL)
        put(object, name, json_string(text), failed);
}

static void put_blob(json_t *object, const char *name, const struct blob *blob, const char **failed)
{
    if (blob->data != NULL)
        put(object, name, json_stringn(blob->data, blob->size), failed);
}

static void put_case(json_t *object, const struct task_draft *draft, const char **failed)
{
    if (draft->case_expected_stdout.data == NULL)
        return;
    json_t *one = json_object();
    put_blob(one, "stdin", &draft->case_stdin, failed);
    put_blob(one, "expected_stdout", &draft->case_expected_stdout, failed);
    json_t *cases = json_array();
    if (json_array_append_new(cases, one) != 0 && *failed == NULL)
        *failed = "cases";
    put(object, "cases", cases, failed);
}

static void put_labels(json_t *object, const struct task_draft *draft, const char **failed)
{
    if (draft->label_count == 0)
        return;
    json_t *labels = json_object();
    for (size_t i = 0; i < draft->label_count; i++)
        put_text(labels, draft->labels[i].name, draft->labels[i].value, failed);
    put(object, "labels", labels, failed);
}

char *task_draft_to_json(const struct task_draft *draft, size_t *size, struct err *err)
{
    const char *failed = NULL;
    json_t *task = json_object();
    put_text(task, "task_id", draft->task_id, &failed);
    put_text(task, "job_id", draft->job_id, &failed);
    put_text(task, "runtime", draft->runtime, &failed);
    put_text(task, "lane", draft->lane, &failed);
    put_blob(task, "implementation_code", &draft->implementation_code, &failed);
    put_blob(task, "test_suite_code", &draft->test_suite_code, &failed);
    put_case(task, draft, &failed);
    if (draft->wall_ms > 0)
        put(task, "timeout", json_real((double)draft->wall_ms / 1000.0), &failed);
    if (draft->coverage)
        put(task, "coverage", json_true(), &failed);
    if (draft->has_reconstruction_id)
        put(task, "reconstruction_id", json_integer(draft->reconstruction_id), &failed);
    put_labels(task, draft, &failed);
    char *text = failed == NULL ? json_memory_text(task, JSON_COMPACT, size) : NULL;
    json_decref(task);
    if (failed != NULL)
        err_set(err, ERR_INPUT, "field '%s': is not UTF-8 text; convert it", failed);
    else if (text == NULL)
        err_set(err, ERR_NO_MEMORY, "no memory for a task");
    return text;
}

bool job_message_set_label(struct job_message *message, const char *name, const char *value, struct err *err)
{
    if (message->labels == NULL)
        message->labels = json_object();
    if (message->labels == NULL || json_object_set_new(message->labels, name, json_string(value)) != 0)
        return err_set(err, ERR_INPUT, "label '%s': is not UTF-8 text", name);
    return true;
}
