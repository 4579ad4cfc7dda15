/* The parts of a result that are stored as JSON: one text each, as PostgreSQL's jsonb takes it. */
#include <jansson.h>
#include <string.h>

#include "common/message/result.h"

static int append(const char *data, size_t size, void *out)
{
    buf_append(out, data, size);
    return 0;
}

static void append_json(const json_t *value, struct buf *out)
{
    if (json_dump_callback(value, append, out, JSON_COMPACT) != 0)
        out->failed = true;
}

void result_labels_to_json(const struct result *result, struct buf *out)
{
    if (result->labels == NULL)
        buf_append_text(out, "{}");
    else
        append_json(result->labels, out);
}

void result_coverage_to_json(const struct result *result, struct buf *out)
{
    append_json(result->coverage, out);
}

static void append_strings(char *const *strings, size_t count, struct buf *out)
{
    buf_append_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append_char(out, ',');
        text_append_json(out, strings[i], strlen(strings[i]));
    }
    buf_append_char(out, ']');
}

void result_errors_to_json(const struct result *result, struct buf *out)
{
    append_strings(result->errors, result->error_count, out);
}

void result_sandbox_to_json(const struct result *result, struct buf *out)
{
    append_strings(result->sandbox, result->sandbox_count, out);
}

void result_tests_to_json(const struct result *result, struct buf *out)
{
    buf_append_char(out, '[');
    for (size_t i = 0; i < result->test_count; i++) {
        const struct result_test *test = &result->tests[i];
        buf_append_text(out, i > 0 ? ",{\"name\":" : "{\"name\":");
        text_append_json(out, test->name, strlen(test->name));
        buf_append_text(out, ",\"outcome\":\"");
        buf_append_text(out, outcome_name(test->outcome));
        buf_append_text(out, "\",\"ms\":");
        buf_append_integer(out, test->ms);
        buf_append_text(out, ",\"message\":");
        if (test->message != NULL)
            text_append_json(out, test->message, strlen(test->message));
        else
            buf_append_text(out, "null");
        buf_append_char(out, '}');
    }
    buf_append_char(out, ']');
}
