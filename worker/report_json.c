#include "worker/report_json.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/mem.h"
#include "common/message/json_memory.h"
#include "common/text.h"

#define NAME_BYTES_MAX 4096

/* A malloc'ed clean copy of a JSON string; NULL when it is none, or without memory. */
static char *copy_string(const json_t *value, size_t most)
{
    autobuf struct buf clean = BUF_INIT;
    if (!json_is_string(value))
        return NULL;
    size_t size = json_string_length(value);
    if (size > most)
        return NULL;
    text_append_clean(&clean, json_string_value(value), size);
    (void)buf_text(&clean);
    return buf_steal(&clean, NULL);
}

static bool parse_names(const json_t *root, struct report_line *line)
{
    const json_t *tests = json_object_get(root, "tests");
    if (!json_is_array(tests))
        return false;
    line->names = calloc(json_array_size(tests) + 1, sizeof(*line->names));
    if (line->names == NULL)
        return false;
    for (size_t i = 0; i < json_array_size(tests); i++) {
        char *name = copy_string(json_array_get(tests, i), NAME_BYTES_MAX);
        if (name == NULL)
            return false;
        line->names[line->name_count++] = name;
    }
    return true;
}

static bool parse_name(const json_t *root, struct report_line *line)
{
    line->name = copy_string(json_object_get(root, "name"), NAME_BYTES_MAX);
    return line->name != NULL;
}

static bool parse_message(const json_t *root, struct report_line *line)
{
    line->message = copy_string(json_object_get(root, "message"), SIZE_MAX);
    return line->message != NULL;
}

static bool parse_test(const json_t *root, struct report_line *line)
{
    const char *outcome = json_string_value(json_object_get(root, "outcome"));
    const json_t *ms = json_object_get(root, "ms");
    const json_t *message = json_object_get(root, "message");
    if (!parse_name(root, line) || outcome == NULL || !outcome_parse(outcome, &line->outcome) ||
        line->outcome == OUTCOME_NOT_RUN)
        return false;
    if (json_is_number(ms)) {
        double value = json_number_value(ms);
        line->ms = value > 0 && value < 1e12 ? (int64_t)value : 0;
    }
    line->suite_skip = json_is_true(json_object_get(root, "suite_skip"));
    if (json_is_string(message) && json_string_length(message) > 0)
        return parse_message(root, line);
    return true;
}

static bool parse_suite_error(const json_t *root, struct report_line *line)
{
    static const struct {
        const char *name;
        enum suite_fault fault;
    } faults[] = {{"suite", FAULT_SUITE}, {"program", FAULT_PROGRAM}, {"no_tests", FAULT_NO_TESTS}};
    const char *name = json_string_value(json_object_get(root, "fault"));
    for (size_t i = 0; name != NULL && i < ARRAY_SIZE(faults); i++)
        if (strcmp(name, faults[i].name) == 0)
            line->fault = faults[i].fault;
    return line->fault != FAULT_NONE && parse_message(root, line);
}

static bool parse_coverage(const json_t *root, struct report_line *line)
{
    json_t *report = json_object_get(root, "report");
    if (!json_is_object(report))
        return false;
    line->coverage = json_incref(report);
    return true;
}

static bool parse_again(const json_t *root, struct report_line *line)
{
    return parse_names(root, line) && parse_message(root, line);
}

static bool parse_done(const json_t *root, struct report_line *line)
{
    line->fast = json_is_true(json_object_get(root, "fast"));
    line->kept = json_is_true(json_object_get(root, "kept"));
    return true;
}

static bool parse_kind(const json_t *root, struct report_line *line)
{
    static const struct {
        const char *name;
        enum report_line_kind kind;
        bool (*parse)(const json_t *root, struct report_line *line);
    } kinds[] = {
        {"plan", REPORT_LINE_PLAN, parse_names},
        {"collected", REPORT_LINE_COLLECTED, parse_names},
        {"start", REPORT_LINE_START, parse_name},
        {"test", REPORT_LINE_TEST, parse_test},
        {"suite_error", REPORT_LINE_SUITE_ERROR, parse_suite_error},
        {"tampered", REPORT_LINE_TAMPERED, parse_message},
        {"coverage", REPORT_LINE_COVERAGE, parse_coverage},
        {"harness_error", REPORT_LINE_HARNESS_ERROR, parse_message},
        {"again", REPORT_LINE_AGAIN, parse_again},
        {"done", REPORT_LINE_DONE, parse_done},
    };
    const char *name = json_string_value(json_object_get(root, "t"));
    for (size_t i = 0; name != NULL && i < ARRAY_SIZE(kinds); i++) {
        if (strcmp(name, kinds[i].name) == 0) {
            line->kind = kinds[i].kind;
            return kinds[i].parse(root, line);
        }
    }
    return false;
}

bool report_line_parse(const char *text, size_t size, const char *secret, struct report_line *line)
{
    *line = (struct report_line){.kind = REPORT_LINE_DONE};
    /* An assertion message may well hold a NUL. */
    json_t *root = json_loadb(text, size, JSON_ALLOW_NUL, NULL);
    const json_t *key = json_object_get(root, "k");
    bool fine = json_is_string(key) && json_string_length(key) == strlen(secret) &&
                memcmp(json_string_value(key), secret, strlen(secret)) == 0 && parse_kind(root, line);
    json_decref(root);
    if (!fine)
        report_line_free(line);
    return fine;
}

void report_line_free(struct report_line *line)
{
    for (size_t i = 0; i < line->name_count; i++)
        free(line->names[i]);
    free(line->names);
    free(line->name);
    free(line->message);
    json_decref(line->coverage);
    *line = (struct report_line){.kind = REPORT_LINE_DONE};
}

static json_t *file_names(const struct task *task, bool trusted)
{
    json_t *names = json_array();
    for (size_t i = 0; i < task->file_count; i++)
        if (task->files[i].trusted == trusted)
            json_array_append_new(names, json_string(task->files[i].path));
    return names;
}

void report_control_json(const struct task *task, const char *secret, bool fast, struct buf *out)
{
    json_t *root =
        json_pack("{ss, ss, ss, so, so, sb, sb, sb}", "secret", secret, "program",
                  task->runtime->program_file, "suite", task->runtime->suite_file, "trusted_files",
                  file_names(task, true), "untrusted_files", file_names(task, false), "stop_on_first_failure",
                  (int)task->stop_on_first_failure, "coverage", (int)task->coverage, "fast", (int)fast);
    autofree char *text = json_memory_text(root, JSON_COMPACT, NULL);
    json_decref(root);
    if (text == NULL)
        out->failed = true;
    else
        buf_append_text(out, text);
}

struct json_t *report_coverage_keep(struct json_t *coverage)
{
    return json_incref(coverage);
}

void report_coverage_free(struct json_t *coverage)
{
    json_decref(coverage);
}
