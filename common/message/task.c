#include "common/message/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/digest.h"
#include "common/message/task_parts.h"

#define LABEL_NAME_MAX  128
#define LABEL_VALUE_MAX 1024

static const char *const task_fields[] = {"task_id",         "job_id",
                                          "runtime",         "implementation_code",
                                          "test_suite_code", "cases",
                                          "files",           "test_files",
                                          "limits",          "timeout",
                                          "profile",         "stop_on_first_failure",
                                          "labels",          "reconstruction_id",
                                          "expires_at",      "lane",
                                          "coverage",        NULL};

static const char *const lane_names[] = {"normal", "interactive", "bulk"};
static const char *const profile_names[] = {"standard", "strict"};

const char *task_lane_name(enum task_lane lane)
{
    return lane_names[lane];
}

const char *task_profile_name(enum task_profile profile)
{
    return profile_names[profile];
}

/* --- memory ------------------------------------------------------------------------------------------- */

/* task->memory is a list of these; what was asked for lies behind each. */
struct chunk {
    struct chunk *next;
    max_align_t data[];
};

void *task_allocate(struct task *task, size_t count, size_t size, struct err *err)
{
    size_t bytes;
    struct chunk *chunk = NULL;
    if (!__builtin_mul_overflow(count, size, &bytes) &&
        !__builtin_add_overflow(bytes, sizeof(struct chunk), &bytes))
        chunk = calloc(1, bytes);
    if (chunk == NULL) {
        (void)err_set(err, ERR_NO_MEMORY, "not enough memory for a task");
        return NULL;
    }
    chunk->next = task->memory;
    task->memory = chunk;
    return chunk->data;
}

void task_free(struct task *task)
{
    if (task == NULL)
        return;
    for (struct chunk *chunk = task->memory, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    json_decref(task->root);
    free(task);
}

/* --- identity ----------------------------------------------------------------------------------------- */

static bool copy_id(const json_t *value, char out[TEXT_ID_MAX + 1])
{
    if (!json_is_string(value) || !text_is_id(json_string_value(value), json_string_length(value)))
        return false;
    memcpy(out, json_string_value(value), json_string_length(value) + 1);
    return true;
}

static void copy_text_id(const char *text, char out[TEXT_ID_MAX + 1])
{
    if (text != NULL && text_is_id(text, strlen(text)))
        memcpy(out, text, strlen(text) + 1);
}

/* `root` is NULL when the body cannot be read at all. */
static void identify(const char *body, size_t size, const json_t *root, const struct task_rules *rules,
                     struct task_identity *identity)
{
    *identity = (struct task_identity){.job_id = "default"};
    copy_text_id(rules->default_job_id, identity->job_id);
    copy_text_id(rules->routing_key_runtime, identity->runtime);
    copy_text_id(rules->message_id, identity->task_id);
    (void)copy_id(json_object_get(root, "job_id"), identity->job_id);
    (void)copy_id(json_object_get(root, "runtime"), identity->runtime);
    (void)copy_id(json_object_get(root, "task_id"), identity->task_id);
    const json_t *reconstruction = json_object_get(root, "reconstruction_id");
    if (json_is_integer(reconstruction) && json_integer_value(reconstruction) > 0) {
        identity->has_reconstruction_id = true;
        identity->reconstruction_id = json_integer_value(reconstruction);
    }
    if (identity->task_id[0] == '\0') {
        char hex[DIGEST_HEX_SIZE];
        digest_sha256_hex(body, size, hex);
        (void)snprintf(identity->task_id, sizeof(identity->task_id), "unidentified/%s", hex);
    }
}

void task_identify(const char *body, size_t size, const struct task_rules *rules,
                   struct task_identity *identity)
{
    json_t *root = reader_load_leniently(body, size);
    identify(body, size, root, rules, identity);
    json_decref(root);
}

/* --- the fields --------------------------------------------------------------------------------------- */

static bool read_ids(const struct reader *root, struct task *task, const struct task_rules *rules,
                     struct err *err)
{
    const char *job_id = rules->default_job_id != NULL ? rules->default_job_id : "default";
    (void)snprintf(task->job_id, sizeof(task->job_id), "%s", job_id);
    if (!reader_id(root, "task_id", task->task_id, err) || !reader_id(root, "job_id", task->job_id, err))
        return false;
    if (task->task_id[0] == '\0')
        copy_text_id(rules->message_id, task->task_id);
    if (task->task_id[0] != '\0')
        return true;
    return rules->message_id == NULL
               ? err_set(err, ERR_INPUT, "task_id is missing, and so is the message's message_id; give one")
               : err_set(err, ERR_INPUT,
                         "task_id is missing, and the message's message_id is not 1 to %d characters of "
                         "A-Z a-z 0-9 . _ : / -",
                         TEXT_ID_MAX);
}

/* The runtime "auto": by the fields that are read later, as far as they are what they should be. */
static bool resolve_runtime(struct task *task, const struct task_rules *rules, struct err *err)
{
    static const char *const fields[] = {"files", "test_files"};
    struct task_texts texts = {.name_count = 0};
    const json_t *program = json_object_get(task->root, "implementation_code");
    const json_t *suite = json_object_get(task->root, "test_suite_code");
    texts.program = (struct blob){json_string_value(program), json_string_length(program)};
    texts.suite = (struct blob){json_string_value(suite), json_string_length(suite)};
    const char **names = task_allocate(task, 2 * TASK_FILES_MAX, sizeof(*names), err);
    if (names == NULL)
        return false;
    texts.names = names;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        json_t *files = json_object_get(task->root, fields[i]);
        const char *name;
        json_t *value;
        json_object_foreach(files, name, value) if (texts.name_count < 2 * TASK_FILES_MAX)
            names[texts.name_count++] = name;
    }
    task->runtime = rules->resolve_auto(&texts, rules->runtimes, err);
    if (task->runtime == NULL)
        return false;
    task->lacks |= TASK_LACKS_RUNTIME;
    return json_object_set_new(task->root, "runtime", json_string(task->runtime->name)) == 0 ||
           err_set(err, ERR_NO_MEMORY, "not enough memory for a task");
}

static bool read_runtime(const struct reader *root, struct task *task, const struct task_rules *rules,
                         struct err *err)
{
    const char *name = NULL;
    char quoted[READER_QUOTE_SIZE];
    if (!reader_string(root, "runtime", &name, err))
        return false;
    if (name == NULL)
        return err_set(err, ERR_INPUT, "runtime is missing; known are %s", runtimes_names(rules->runtimes));
    if (strcmp(name, "auto") == 0) {
        if (rules->resolve_auto != NULL)
            return resolve_runtime(task, rules, err);
        return err_set(err, ERR_INPUT, "runtime 'auto' is resolved by assay-producer alone; name one of %s",
                       runtimes_names(rules->runtimes));
    }
    task->runtime = runtimes_find(rules->runtimes, name);
    if (task->runtime == NULL)
        return err_set(err, ERR_INPUT, "unknown runtime '%s'; known are %s",
                       reader_quote(name, strlen(name), quoted), runtimes_names(rules->runtimes));
    if (rules->routing_key_runtime != NULL && strcmp(rules->routing_key_runtime, name) != 0)
        return err_set(err, ERR_INPUT,
                       "runtime '%s' does not agree with the queue's, '%s': publish with the routing key %s",
                       name, rules->routing_key_runtime, name);
    return true;
}

static bool read_code(const struct reader *root, struct task *task, struct err *err)
{
    const struct runtime *runtime = task->runtime;
    if (!reader_text(root, "implementation_code", &task->implementation_code, err) ||
        !reader_text(root, "test_suite_code", &task->test_suite_code, err))
        return false;
    if (task->test_suite_code.data != NULL && runtime->suite_protocol == SUITE_NONE)
        return err_set(err, ERR_INPUT, "test_suite_code: runtime %s takes cases only", runtime->name);
    if (task->test_suite_code.data == NULL && task->case_count == 0)
        return err_set(err, ERR_INPUT, "there is nothing to check: give %s",
                       runtime->suite_protocol == SUITE_NONE ? "cases"
                                                             : "test_suite_code, or cases, or both");
    return true;
}

static bool read_coverage(const struct reader *root, struct task *task, struct err *err)
{
    if (!reader_bool(root, "coverage", &task->coverage, err))
        return false;
    if (task->coverage && !task->runtime->coverage)
        return reader_error(root, "coverage", err, "is not available for runtime %s", task->runtime->name);
    if (task->coverage && task->test_suite_code.data == NULL)
        return reader_error(root, "coverage", err, "is measured under a suite: it needs test_suite_code");
    return true;
}

static bool read_label(const struct reader *labels, const char *name, const json_t *value,
                       struct task_label *label, struct err *err)
{
    struct blob text;
    char quoted[READER_QUOTE_SIZE];
    const char *shown = reader_quote(name, strlen(name), quoted);
    if (name[0] == '\0' || strlen(name) > LABEL_NAME_MAX)
        return err_set(err, ERR_INPUT, "labels: the name '%s' has %zu bytes, must have 1 to %d", shown,
                       strlen(name), LABEL_NAME_MAX);
    if (!reader_text_value(labels, shown, value, &text, err))
        return false;
    if (text.size > LABEL_VALUE_MAX)
        return reader_error(labels, shown, err, "has %zu bytes, at most %d are allowed", text.size,
                            LABEL_VALUE_MAX);
    label->name = name;
    label->value = text.data;
    return true;
}

static bool read_labels(const struct reader *root, struct task *task, struct err *err)
{
    const json_t *labels = NULL;
    struct reader reader;
    const char *name;
    json_t *value;
    if (!reader_object(root, "labels", TASK_LABELS_MAX, &labels, err))
        return false;
    if (labels == NULL)
        return true;
    task->labels = task_allocate(task, json_object_size(labels) + 1, sizeof(*task->labels), err);
    if (task->labels == NULL || !reader_enter(&reader, root, "labels", labels, err))
        return false;
    json_object_foreach((json_t *)labels, name, value)
    {
        if (!read_label(&reader, name, value, &task->labels[task->label_count], err))
            return false;
        task->label_count++;
    }
    return true;
}

void task_each_label(const char *body, size_t size, task_label_fn *visit, void *context)
{
    json_t *root = reader_load_leniently(body, size);
    json_t *labels = json_object_get(root, "labels");
    size_t count = 0;
    struct reader reader;
    const char *name;
    json_t *value;
    reader_start(&reader, labels);
    json_object_foreach(labels, name, value)
    {
        struct task_label label;
        struct err err = ERR_INIT;
        if (count < TASK_LABELS_MAX && read_label(&reader, name, value, &label, &err)) {
            visit(context, label.name, label.value);
            count++;
        }
    }
    json_decref(root);
}

static bool read_expires_at(const struct reader *root, struct task *task, struct err *err)
{
    const char *text = NULL;
    char quoted[READER_QUOTE_SIZE];
    if (!reader_string(root, "expires_at", &text, err))
        return false;
    if (text == NULL)
        return true;
    if (!clock_parse_rfc3339(text, &task->expires_at_ms))
        return reader_error(root, "expires_at", err,
                            "'%s' is not an RFC 3339 time such as 2026-01-31T12:00:00Z",
                            reader_quote(text, strlen(text), quoted));
    task->has_expires_at = true;
    return true;
}

static bool read_lane(const struct reader *root, struct task *task, struct err *err)
{
    const char *name = NULL;
    char quoted[READER_QUOTE_SIZE];
    if (!reader_string(root, "lane", &name, err))
        return false;
    if (name == NULL)
        return true;
    for (size_t i = 0; i < sizeof(lane_names) / sizeof(lane_names[0]); i++) {
        if (strcmp(lane_names[i], name) == 0) {
            task->lane = (enum task_lane)i;
            return true;
        }
    }
    return reader_error(root, "lane", err, "'%s' is unknown; known are interactive, normal and bulk",
                        reader_quote(name, strlen(name), quoted));
}

static void note_lacks(struct task *task)
{
    task->lacks = (json_object_get(task->root, "task_id") == NULL ? TASK_LACKS_TASK_ID : 0u) |
                  (json_object_get(task->root, "job_id") == NULL ? TASK_LACKS_JOB_ID : 0u);
}

static bool read_task(struct task *task, const struct task_rules *rules, struct err *err)
{
    struct reader root;
    reader_start(&root, task->root);
    return reader_check_fields(&root, task_fields, err) && read_ids(&root, task, rules, err) &&
           read_runtime(&root, task, rules, err) && task_read_limits(&root, task, err) &&
           task_read_cases(&root, task, err) && read_code(&root, task, err) &&
           read_coverage(&root, task, err) && task_read_files(&root, task, err) &&
           read_labels(&root, task, err) && read_expires_at(&root, task, err) &&
           read_lane(&root, task, err) &&
           reader_bool(&root, "stop_on_first_failure", &task->stop_on_first_failure, err) &&
           reader_integer(&root, "reconstruction_id", 1, INT64_MAX, &task->has_reconstruction_id,
                          &task->reconstruction_id, err);
}

struct task *task_parse(const char *body, size_t size, const struct task_rules *given,
                        struct task_identity *identity, struct err *err)
{
    json_t *root = reader_load(body, size, err);
    struct task_rules rules = *given;
    char content_id[TEXT_ID_MAX + 1];
    if (rules.content_id && json_object_get(root, "task_id") == NULL) {
        task_content_id(body, size, content_id);
        rules.message_id = content_id;
    }
    if (identity != NULL) {
        json_t *readable = root != NULL ? json_incref(root) : reader_load_leniently(body, size);
        identify(body, size, readable, &rules, identity);
        json_decref(readable);
    }
    if (root == NULL)
        return NULL;
    struct task *task = calloc(1, sizeof(*task));
    if (task == NULL) {
        json_decref(root);
        (void)err_set(err, ERR_NO_MEMORY, "not enough memory for a task");
        return NULL;
    }
    task->root = root;
    note_lacks(task);
    if (!read_task(task, &rules, err)) {
        task_free(task);
        return NULL;
    }
    return task;
}
