#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/message/reader.h"
#include "common/message/result.h"
#include "common/message/writer.h"

/* --- writing ------------------------------------------------------------------------------------------ */

static json_t *strings_json(char *const *strings, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(array, writer_string(strings[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *tests_json(const struct result *result)
{
    json_t *array = json_array();
    for (size_t i = 0; i < result->test_count; i++) {
        const struct result_test *test = &result->tests[i];
        struct writer writer;
        writer_start(&writer);
        writer_put_text(&writer, "name", test->name);
        writer_put_text(&writer, "outcome", outcome_name(test->outcome));
        writer_put_integer(&writer, "ms", test->ms);
        writer_put_text(&writer, "message", test->message);
        bool failed = json_array_append_new(array, writer.root) != 0;
        if (failed || writer.failed) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *timing_json(const struct result *result)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "queued", (json_int_t)result->queued_ms, "setup",
                     (json_int_t)result->setup_ms, "compile", (json_int_t)result->compile_ms, "run",
                     (json_int_t)result->run_ms);
}

static void put_verdict(struct writer *writer, const struct result *result)
{
    writer_put_text(writer, "task_id", result->task_id);
    writer_put_text(writer, "job_id", result->job_id);
    writer_put_text(writer, "runtime", result->runtime);
    writer_put_shared(writer, "labels", result->labels, json_object());
    writer_put_optional(writer, "reconstruction_id", result->has_reconstruction_id,
                        result->reconstruction_id);
    writer_put_text(writer, "status", status_name(result->status));
    writer_put_text(writer, "reason", reason_name(result->reason));
    writer_put(writer, "test_pass_rate", result->has_pass_rate ? json_real(result->pass_rate) : json_null());
    writer_put_integer(writer, "passed", result->passed);
    writer_put_integer(writer, "failed", result->failed);
    writer_put_integer(writer, "skipped", result->skipped);
    writer_put_integer(writer, "total", result->total);
    writer_put(writer, "errors", strings_json(result->errors, result->error_count));
    writer_put(writer, "tests", tests_json(result));
    writer_put_bool(writer, "tests_truncated", result->tests_truncated);
}

void result_to_json(const struct result *result, struct buf *out)
{
    struct writer writer;
    writer_start(&writer);
    put_verdict(&writer, result);
    writer_put_text(&writer, "stdout", result->out != NULL ? result->out : "");
    writer_put_text(&writer, "stderr", result->err != NULL ? result->err : "");
    writer_put_bool(&writer, "stdout_truncated", result->out_truncated);
    writer_put_bool(&writer, "stderr_truncated", result->err_truncated);
    writer_put_optional(&writer, "exit_code", result->has_exit_code, result->exit_code);
    writer_put_optional(&writer, "signal", result->signal_number != 0, result->signal_number);
    writer_put(&writer, "timing_ms", timing_json(result));
    writer_put_integer(&writer, "cpu_ms", result->cpu_ms);
    writer_put_optional(&writer, "peak_memory_kb", result->peak_memory_kb != 0, result->peak_memory_kb);
    writer_put_shared(&writer, "coverage", result->coverage, json_null());
    writer_put_bool(&writer, "cached", result->cached);
    writer_put_text(&writer, "worker", result->worker);
    writer_put_integer(&writer, "attempt", result->attempt);
    writer_put(&writer, "sandbox", strings_json(result->sandbox, result->sandbox_count));
    writer_put_time(&writer, "started_at", result->started_at_ms);
    writer_put_time(&writer, "finished_at", result->finished_at_ms);
    writer_finish(&writer, out);
}

/* --- reading ------------------------------------------------------------------------------------------ */

/* null is the same as absent in a result. */
static bool is_absent(const struct reader *reader, const char *name)
{
    const json_t *value = reader_get(reader, name);
    return value == NULL || json_is_null(value);
}

static bool read_text(const struct reader *reader, const char *name, char **out, struct err *err)
{
    const char *text = NULL;
    if (is_absent(reader, name))
        return true;
    if (!reader_string(reader, name, &text, err))
        return false;
    *out = strdup(text);
    return *out != NULL || err_set(err, ERR_NO_MEMORY, "not enough memory for a result");
}

static bool read_count(const struct reader *reader, const char *name, int64_t *value, struct err *err)
{
    return is_absent(reader, name) || reader_integer(reader, name, 0, INT64_MAX, NULL, value, err);
}

static bool read_time(const struct reader *reader, const char *name, int64_t *unix_ms, struct err *err)
{
    const char *text = NULL;
    if (is_absent(reader, name))
        return true;
    if (!reader_string(reader, name, &text, err))
        return false;
    return clock_parse_rfc3339(text, unix_ms) || reader_error(reader, name, err, "is not an RFC 3339 time");
}

/* A required text that one of the *_parse functions takes. */
static bool read_name(const struct reader *reader, const char *name, const char **text, struct err *err)
{
    *text = NULL;
    return reader_string(reader, name, text, err) &&
           (*text != NULL || reader_error(reader, name, err, "is missing"));
}

static bool read_status(const struct reader *root, struct result *result, struct err *err)
{
    const char *status, *reason;
    char quoted[READER_QUOTE_SIZE];
    if (!read_name(root, "status", &status, err) || !read_name(root, "reason", &reason, err))
        return false;
    if (!status_parse(status, &result->status))
        return reader_error(root, "status", err, "'%s' is unknown",
                            reader_quote(status, strlen(status), quoted));
    if (!reason_parse(reason, &result->reason))
        return reader_error(root, "reason", err, "'%s' is unknown",
                            reader_quote(reason, strlen(reason), quoted));
    if (!is_absent(root, "test_pass_rate") &&
        !reader_number(root, "test_pass_rate", &result->has_pass_rate, &result->pass_rate, err))
        return false;
    if (result->has_pass_rate == (result->status == STATUS_ERROR))
        return reader_error(root, "test_pass_rate", err,
                            "must be null when status is error, and a number otherwise");
    if (!(result->pass_rate >= 0 && result->pass_rate <= 1))
        return reader_error(root, "test_pass_rate", err, "must be from 0 to 1, is %g", result->pass_rate);
    return true;
}

static bool read_identity(const struct reader *root, struct result *result, struct err *err)
{
    const json_t *labels = NULL;
    const char *name;
    json_t *value;
    if (!reader_id(root, "task_id", result->task_id, err) ||
        !reader_id(root, "job_id", result->job_id, err) || !read_text(root, "runtime", &result->runtime, err))
        return false;
    if (result->task_id[0] == '\0' || result->job_id[0] == '\0')
        return reader_error(root, result->task_id[0] == '\0' ? "task_id" : "job_id", err, "is missing");
    if (!is_absent(root, "reconstruction_id") &&
        !reader_integer(root, "reconstruction_id", 1, INT64_MAX, &result->has_reconstruction_id,
                        &result->reconstruction_id, err))
        return false;
    if (!is_absent(root, "labels") && !reader_object(root, "labels", TASK_LABELS_MAX, &labels, err))
        return false;
    json_object_foreach((json_t *)labels, name, value)
    {
        struct blob text;
        if (!reader_text_value(root, "labels", value, &text, err))
            return false;
        if (!result_set_label(result, name, text.data))
            return err_set(err, ERR_NO_MEMORY, "not enough memory for a result");
    }
    return true;
}

static bool read_test(const struct reader *root, const char *where, const json_t *value,
                      struct result *result, struct err *err)
{
    struct reader reader;
    const char *name, *outcome_text, *message = NULL;
    enum outcome outcome;
    int64_t ms = 0;
    if (!reader_enter(&reader, root, where, value, err) || !read_name(&reader, "name", &name, err) ||
        !read_name(&reader, "outcome", &outcome_text, err) || !read_count(&reader, "ms", &ms, err) ||
        (!is_absent(&reader, "message") && !reader_string(&reader, "message", &message, err)))
        return false;
    if (!outcome_parse(outcome_text, &outcome))
        return reader_error(&reader, "outcome", err, "is unknown");
    result_add_test(result, name, outcome, ms, message);
    return true;
}

static bool read_tests(const struct reader *root, struct result *result, struct err *err)
{
    const json_t *tests = NULL, *errors = NULL;
    if ((!is_absent(root, "tests") && !reader_array(root, "tests", RESULT_TESTS_MAX, &tests, err)) ||
        (!is_absent(root, "errors") && !reader_array(root, "errors", RESULT_ERRORS_MAX, &errors, err)) ||
        !reader_bool(root, "tests_truncated", &result->tests_truncated, err))
        return false;
    for (size_t i = 0; i < json_array_size(tests); i++) {
        if (read_test(root, "tests[]", json_array_get(tests, i), result, NULL))
            continue;
        char where[32]; /* made for an error alone: there may be a thousand */
        (void)snprintf(where, sizeof(where), "tests[%zu]", i);
        return read_test(root, where, json_array_get(tests, i), result, err);
    }
    for (size_t i = 0; i < json_array_size(errors); i++) {
        struct blob text;
        if (!reader_text_value(root, "errors", json_array_get(errors, i), &text, err))
            return false;
        result_add_error(result, text.data, text.size);
    }
    return true;
}

static bool read_sandbox(const struct reader *root, struct result *result, struct err *err)
{
    const json_t *sandbox = NULL;
    if (!is_absent(root, "sandbox") && !reader_array(root, "sandbox", RESULT_SANDBOX_MAX, &sandbox, err))
        return false;
    size_t count = json_array_size(sandbox);
    result->sandbox = calloc(count + 1, sizeof(*result->sandbox));
    for (size_t i = 0; result->sandbox != NULL && i < count; i++) {
        struct blob text;
        if (!reader_text_value(root, "sandbox", json_array_get(sandbox, i), &text, err))
            return false;
        result->sandbox[i] = strdup(text.data);
        if (result->sandbox[i] == NULL)
            return err_set(err, ERR_NO_MEMORY, "not enough memory for a result");
        result->sandbox_count++;
    }
    return result->sandbox != NULL || err_set(err, ERR_NO_MEMORY, "not enough memory for a result");
}

static bool read_end(const struct reader *root, struct result *result, struct err *err)
{
    int64_t exit_code = 0, signal_number = 0;
    if ((!is_absent(root, "exit_code") &&
         !reader_integer(root, "exit_code", 0, 255, &result->has_exit_code, &exit_code, err)) ||
        (!is_absent(root, "signal") && !reader_integer(root, "signal", 1, 128, NULL, &signal_number, err)))
        return false;
    result->exit_code = (int)exit_code;
    result->signal_number = (int)signal_number;
    return true;
}

static bool read_measures(const struct reader *root, struct result *result, struct err *err)
{
    struct reader timing;
    const json_t *coverage = NULL;
    if (!is_absent(root, "timing_ms") &&
        (!reader_enter(&timing, root, "timing_ms", reader_get(root, "timing_ms"), err) ||
         !read_count(&timing, "queued", &result->queued_ms, err) ||
         !read_count(&timing, "setup", &result->setup_ms, err) ||
         !read_count(&timing, "compile", &result->compile_ms, err) ||
         !read_count(&timing, "run", &result->run_ms, err)))
        return false;
    if (!is_absent(root, "coverage") && !reader_object(root, "coverage", SIZE_MAX, &coverage, err))
        return false;
    result->coverage = json_incref((json_t *)coverage);
    return read_count(root, "cpu_ms", &result->cpu_ms, err) &&
           read_count(root, "peak_memory_kb", &result->peak_memory_kb, err) &&
           read_count(root, "attempt", &result->attempt, err) &&
           reader_bool(root, "cached", &result->cached, err) &&
           read_time(root, "started_at", &result->started_at_ms, err) &&
           read_time(root, "finished_at", &result->finished_at_ms, err);
}

static bool read_result(const json_t *body, struct result *result, struct err *err)
{
    struct reader root;
    reader_start(&root, body);
    return read_identity(&root, result, err) && read_status(&root, result, err) &&
           read_count(&root, "passed", &result->passed, err) &&
           read_count(&root, "failed", &result->failed, err) &&
           read_count(&root, "skipped", &result->skipped, err) &&
           read_count(&root, "total", &result->total, err) && read_tests(&root, result, err) &&
           read_text(&root, "stdout", &result->out, err) && read_text(&root, "stderr", &result->err, err) &&
           reader_bool(&root, "stdout_truncated", &result->out_truncated, err) &&
           reader_bool(&root, "stderr_truncated", &result->err_truncated, err) &&
           read_end(&root, result, err) && read_measures(&root, result, err) &&
           read_text(&root, "worker", &result->worker, err) && read_sandbox(&root, result, err);
}

struct result *result_parse(const char *body, size_t size, struct err *err)
{
    json_t *root = reader_load(body, size, err);
    if (root == NULL)
        return NULL;
    struct result *result = result_new();
    bool ok = result != NULL ? read_result(root, result, err)
                             : err_set(err, ERR_NO_MEMORY, "not enough memory for a result");
    json_decref(root);
    if (!ok) {
        result_free(result);
        return NULL;
    }
    return result;
}
