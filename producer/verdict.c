#include "producer/verdict.h"

#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "producer/screen.h"

#define OUTPUT_LINES 40

static enum screen_colour status_colour(enum status status)
{
    static const enum screen_colour colours[STATUS_COUNT] = {[STATUS_PASS] = COLOUR_GREEN,
                                                             [STATUS_FAIL] = COLOUR_RED,
                                                             [STATUS_TIMEOUT] = COLOUR_YELLOW,
                                                             [STATUS_ERROR] = COLOUR_MAGENTA};
    return colours[status];
}

static void append_tests(struct buf *out, const struct result *result)
{
    if (result->total > 0)
        buf_printf(out, "%lld/%lld", (long long)result->passed, (long long)result->total);
    else
        buf_append_char(out, '-');
}

void verdict_append_line(struct buf *out, const struct result *result, bool colour, size_t columns)
{
    autobuf struct buf tests = BUF_INIT;
    autobuf struct buf took = BUF_INIT;
    autobuf struct buf rest = BUF_INIT;
    append_tests(&tests, result);
    screen_append_duration(&took, result->compile_ms + result->run_ms);
    buf_printf(&rest, "%-8s  %-24s  %7s  %8s", result->runtime != NULL ? result->runtime : "-",
               result->task_id, buf_text(&tests), buf_text(&took));
    if (result->status != STATUS_PASS && result->error_count > 0)
        buf_printf(&rest, "  %s", result->errors[0]);
    buf_printf(out, "%s%-7s  %-13s%s  ", screen_on(status_colour(result->status), colour),
               status_name(result->status), reason_name(result->reason), screen_off(colour));
    const size_t used = 7 + 2 + 13 + 2;
    size_t left = columns > used + 20 ? columns - used : 0;
    screen_append_line(out, buf_text(&rest), left);
    buf_append_char(out, '\n');
}

static void append_errors(struct buf *out, const struct result *result)
{
    for (size_t i = 0; i < result->error_count; i++)
        screen_append_block(out, result->errors[i], "  ", 0);
}

static void append_test_list(struct buf *out, const struct result *result, bool colour)
{
    for (size_t i = 0; i < result->test_count; i++) {
        const struct result_test *test = &result->tests[i];
        bool good = test->outcome == OUTCOME_PASSED || test->outcome == OUTCOME_XFAILED;
        bool neutral = test->outcome == OUTCOME_SKIPPED || test->outcome == OUTCOME_NOT_RUN;
        enum screen_colour shade = good ? COLOUR_GREEN : neutral ? COLOUR_DIM : COLOUR_RED;
        buf_printf(out, "  %s%-8s%s ", screen_on(shade, colour), outcome_name(test->outcome),
                   screen_off(colour));
        screen_append_line(out, test->name, 0);
        buf_append_text(out, "  ");
        screen_append_duration(out, test->ms);
        buf_append_char(out, '\n');
        if (test->message != NULL && test->message[0] != '\0')
            screen_append_block(out, test->message, "           ", 0);
    }
    if (result->tests_truncated)
        buf_append_text(out, "  ... and more tests than a result lists\n");
}

static void append_output(struct buf *out, const char *title, const char *text, bool truncated, bool colour)
{
    if (text == NULL || text[0] == '\0')
        return;
    buf_printf(out, "%s%s%s%s\n", screen_on(COLOUR_BOLD, colour), title, truncated ? " (cut)" : "",
               screen_off(colour));
    screen_append_block(out, text, "  ", OUTPUT_LINES);
}

static void append_figures(struct buf *out, const struct result *result)
{
    buf_append_text(out, "time  ");
    screen_append_duration(out, result->run_ms);
    buf_append_text(out, " run");
    if (result->compile_ms > 0) {
        buf_append_text(out, ", ");
        screen_append_duration(out, result->compile_ms);
        buf_append_text(out, " compile");
    }
    buf_append_text(out, ", ");
    screen_append_duration(out, result->cpu_ms);
    buf_append_text(out, " CPU, ");
    screen_append_duration(out, result->queued_ms);
    buf_append_text(out, " in the queue\n");
    if (result->peak_memory_kb > 0)
        buf_printf(out, "memory  %lld MB at most\n", (long long)(result->peak_memory_kb + 1023) / 1024);
    if (result->signal_number != 0)
        buf_printf(out, "ended by signal %d\n", result->signal_number);
    else if (result->has_exit_code)
        buf_printf(out, "exit code  %d\n", result->exit_code);
    if (result->worker != NULL && result->worker[0] != '\0') {
        buf_append_text(out, "worker  ");
        screen_append_line(out, result->worker, 0);
        buf_printf(out, ", attempt %lld\n", (long long)result->attempt);
    }
    if (result->sandbox_count > 0) {
        buf_append_text(out, "sandbox ");
        for (size_t i = 0; i < result->sandbox_count; i++) {
            buf_append_char(out, ' ');
            screen_append_line(out, result->sandbox[i], 0);
        }
        buf_append_char(out, '\n');
    }
}

void verdict_append_details(struct buf *out, const struct result *result, bool colour)
{
    buf_printf(out, "%s%s/%s%s  ", screen_on(status_colour(result->status), colour),
               status_name(result->status), reason_name(result->reason), screen_off(colour));
    buf_printf(out, "%s  %s  ", result->job_id, result->task_id);
    if (result->total > 0)
        buf_printf(out, "%lld passed, %lld failed, %lld skipped of %lld", (long long)result->passed,
                   (long long)result->failed, (long long)result->skipped, (long long)result->total);
    if (result->has_pass_rate)
        buf_printf(out, "  (pass rate %.3f)", result->pass_rate);
    buf_append_char(out, '\n');
    append_errors(out, result);
    append_test_list(out, result, colour);
    append_output(out, "stdout", result->out, result->out_truncated, colour);
    append_output(out, "stderr", result->err, result->err_truncated, colour);
    append_figures(out, result);
}
