#include "worker/outcome.h"

#include <errno.h>
#include <string.h>

#include "worker/compare.h"
#include "worker/outcome_limits.h"

#define COMPILER_TEXT_MAX 3000
#define LAST_LINE_MAX     300

static void append_signal(struct buf *text, int signal_number)
{
    const char *name = sigabbrev_np(signal_number);
    buf_printf(text, "killed by signal %d", signal_number);
    if (name != NULL)
        buf_printf(text, " (SIG%s)", name);
}

/* Is this line worth showing? Runtimes end with what went wrong, but some add a trace of places behind it. */
static bool tells_something(const char *line, size_t size)
{
    return size > 0 && line[0] != ' ' && line[0] != '\t' && line[size - 1] != ':' &&
           !(size > 9 && memcmp(line, "Node.js v", 9) == 0);
}

/* The last line that tells something; false when none does. */
static bool find_last_line(const char *data, size_t size, struct blob *found)
{
    while (size > 0) {
        const char *newline = memrchr(data, '\n', size);
        const char *line = newline != NULL ? newline + 1 : data;
        size_t length = (size_t)(data + size - line);
        if (length > 0 && line[length - 1] == '\r')
            length--;
        if (tells_something(line, length)) {
            *found = (struct blob){line, length < LAST_LINE_MAX ? length : LAST_LINE_MAX};
            return true;
        }
        size = newline != NULL ? (size_t)(newline - data) : 0;
    }
    return false;
}

static void append_last_line(struct buf *text, const char *data, size_t size)
{
    struct blob line;
    if (find_last_line(data, size, &line)) {
        buf_append_text(text, ": ");
        buf_append(text, line.data, line.size);
    }
}

/* A traceback says what went wrong in its last line: that one goes first. */
static void append_traceback(struct buf *text, const char *message)
{
    struct blob line;
    if (find_last_line(message, strlen(message), &line) && strncmp(message, line.data, line.size) != 0) {
        buf_append(text, line.data, line.size);
        buf_append_char(text, '\n');
    }
    buf_append_text(text, message);
}

/* ---- compile ---- */

static bool blames_suite(const struct compile_step *step, const struct step_facts *facts, const char *out,
                         size_t out_size)
{
    return step->blame == BLAME_SUITE ||
           outcome_matches(step->suite_fault_pattern, facts->err_tail, facts->err_tail_size) ||
           outcome_matches(step->suite_fault_pattern, out, out_size);
}

void outcome_compile(const struct task *task, const struct compile_step *step, const struct step_facts *facts,
                     const char *out, size_t out_size, struct finding *finding)
{
    bool failed = !facts->exited || facts->exit_code != 0;
    struct limit_view view = {.subject = "compile",
                              .failed = failed,
                              .wall_ms = task->limits.compile_wall_ms,
                              .cpu_ms = plan_cpu_ms(&task->limits, STEP_COMPILE)};
    if (outcome_limit(task, facts, &view, finding)) {
        if (blames_suite(step, facts, out, out_size)) {
            finding->status = STATUS_ERROR;
            finding->reason = REASON_BAD_TASK;
        }
        return;
    }
    if (!failed)
        return;
    bool suite = blames_suite(step, facts, out, out_size);
    struct buf *text =
        outcome_set(finding, suite ? STATUS_ERROR : STATUS_FAIL, suite ? REASON_BAD_TASK : REASON_COMPILE,
                    suite ? "test_suite_code does not compile" : "compile");
    const char *said = facts->err_tail_size > 0 ? facts->err_tail : out;
    size_t size = facts->err_tail_size > 0 ? facts->err_tail_size : out_size;
    if (size > 0)
        buf_append(text, said, size < COMPILER_TEXT_MAX ? size : COMPILER_TEXT_MAX);
    else if (!facts->exited)
        append_signal(text, facts->signal_number);
    else
        buf_printf(text, "%s ended with exit code %d and no message", step->command.argv[0],
                   facts->exit_code);
}

/* ---- cases ---- */

void outcome_case(const struct task *task, const struct task_case *test_case, const struct step_facts *facts,
                  const char *out, size_t out_size, struct finding *finding)
{
    autobuf struct buf difference = BUF_INIT;
    bool as_expected = facts->start_errno == 0 && facts->exited && facts->exit_code == test_case->exit_code;
    bool same = compare_output(test_case->compare, test_case->tolerance, test_case->expected_stdout.data,
                               test_case->expected_stdout.size, out, out_size, &difference);
    struct limit_view view = {.subject = test_case->name,
                              .failed = !as_expected || !same,
                              .wall_ms = task->limits.wall_ms,
                              .cpu_ms = task->limits.cpu_ms};
    struct buf *text;

    if (outcome_limit(task, facts, &view, finding))
        return;
    if (facts->start_errno == E2BIG) {
        text = outcome_set(finding, STATUS_ERROR, REASON_BAD_TASK, test_case->name);
        buf_append_text(text, "its args are longer than the system allows");
    } else if (facts->start_errno != 0) {
        text = outcome_set(finding, STATUS_FAIL, REASON_CRASH, test_case->name);
        buf_printf(text, "%s could not be started: %s", task->runtime->run_case.argv[0],
                   strerrordesc_np(facts->start_errno));
    } else if (!facts->exited) {
        text = outcome_set(finding, STATUS_FAIL, REASON_CRASH, test_case->name);
        append_signal(text, facts->signal_number);
        append_last_line(text, facts->err_tail, facts->err_tail_size);
    } else if (!as_expected) {
        text = outcome_set(finding, STATUS_FAIL, REASON_WRONG_OUTPUT, test_case->name);
        buf_printf(text, "exit code %d, expected %d", facts->exit_code, test_case->exit_code);
        append_last_line(text, facts->err_tail, facts->err_tail_size);
    } else if (!same) {
        text = outcome_set(finding, STATUS_FAIL, REASON_WRONG_OUTPUT, test_case->name);
        buf_append(text, buf_text(&difference), difference.size);
    }
}

/* ---- suites ---- */

static bool is_failing(const struct report_test *test)
{
    return test->outcome == OUTCOME_FAILED || test->outcome == OUTCOME_ERROR;
}

void outcome_append_test(struct buf *text, const struct report_test *test)
{
    const char *message = test->message != NULL ? test->message : outcome_name(test->outcome);
    size_t size = strlen(test->name);
    if (strncmp(message, test->name, size) != 0 || message[size] != ':')
        buf_printf(text, "%s: ", test->name);
    buf_append_text(text, message);
}

static const struct report_test *first_failing(const struct report *report)
{
    for (size_t i = 0; i < report->test_count; i++)
        if (is_failing(&report->tests[i]))
            return &report->tests[i];
    return NULL;
}

static const struct report_test *first_forced_skip(const struct report *report)
{
    for (size_t i = 0; i < report->test_count; i++)
        if (report->tests[i].outcome == OUTCOME_SKIPPED && !report->tests[i].suite_skip)
            return &report->tests[i];
    return NULL;
}

static bool anything_ran(const struct report *report)
{
    for (size_t i = 0; i < report->test_count; i++)
        if (report->tests[i].outcome != OUTCOME_SKIPPED)
            return true;
    return false;
}

static void set_text(struct finding *finding, enum status status, enum reason reason, const char *subject,
                     const char *text)
{
    buf_append_text(outcome_set(finding, status, reason, subject), text);
}

/* The report itself is wrong, or says that the program gamed its tests. */
static bool suite_is_tampered(const struct report *report, struct finding *finding)
{
    const char *text = report->forgery != NULL ? report->forgery : report->tampered;
    if (text == NULL && report->fault == FAULT_NO_TESTS && report->planned_count > 0)
        text = "the tests of the suite vanished once the program was imported";
    if (text == NULL)
        return false;
    set_text(finding, STATUS_FAIL, REASON_TAMPERED, NULL, text);
    return true;
}

static bool suite_could_not_run(const struct report *report, struct finding *finding)
{
    const char *message = report->fault_message;
    switch (report->fault) {
    case FAULT_NONE:
        return false;
    case FAULT_SUITE:
        append_traceback(outcome_set(finding, STATUS_ERROR, REASON_BAD_TASK, "test_suite_code"), message);
        break;
    case FAULT_PROGRAM:
        append_traceback(outcome_set(finding, STATUS_FAIL, REASON_COMPILE, "import"), message);
        break;
    case FAULT_NO_TESTS:
        set_text(finding, STATUS_ERROR, REASON_NO_TESTS, "test_suite_code", message);
        break;
    }
    return true;
}

/* The first line of a report harness comes before anything of the program is loaded (docs/harness.md): what
 * ended it until then was not the program. Time that ran out is told as such. */
static bool harness_started(const struct task *task, const struct step_facts *facts,
                            const struct report *report)
{
    bool time_up = facts->stop == STOP_WALL || facts->stop == STOP_TASK_WALL;
    if (task->runtime->suite_protocol != SUITE_REPORT || report->forgery != NULL || time_up)
        return true;
    return report->lines > 0 && report->harness_error == NULL;
}

/* The publisher's mistake where the task's own limits leave the harness no room, else the machine's fault. */
static void outcome_of_no_harness(const struct task *task, const struct step_facts *facts,
                                  const struct report *report, struct finding *finding)
{
    struct limit_view view = {.subject = "the harness, before the program",
                              .failed = true,
                              .wall_ms = task->limits.wall_ms,
                              .cpu_ms = task->limits.cpu_ms,
                              .said = report->harness_error};
    if (outcome_limit(task, facts, &view, finding)) {
        if (finding->status == STATUS_FAIL) {
            finding->status = STATUS_ERROR;
            finding->reason = REASON_BAD_TASK;
        }
        return;
    }
    if (report->harness_error != NULL) {
        set_text(finding, STATUS_ERROR, REASON_INFRA, "the harness cannot start", report->harness_error);
        return;
    }
    struct buf *text = outcome_set(finding, STATUS_ERROR, REASON_INFRA, "the harness did not start");
    if (facts->exited)
        buf_printf(text, "exit code %d", facts->exit_code);
    else
        append_signal(text, facts->signal_number);
    append_last_line(text, facts->err_tail, facts->err_tail_size);
}

/* The process ended before the report was complete. */
static void suite_ended_early(const struct task *task, const struct step_facts *facts,
                              const struct report *report, struct finding *finding)
{
    const char *interrupted = report_interrupted(report);
    struct buf *text;
    if (!facts->exited) {
        text = outcome_set(finding, STATUS_FAIL, REASON_CRASH, interrupted);
        append_signal(text, facts->signal_number);
    } else if (task->runtime->suite_protocol == SUITE_TOKEN && facts->exit_code != 0) {
        text = outcome_set(finding, STATUS_FAIL, REASON_ASSERTION, "main");
        buf_printf(text, "ended with exit code %d before main returned", facts->exit_code);
    } else {
        text = outcome_set(finding, STATUS_FAIL, REASON_TAMPERED, interrupted);
        buf_printf(text, "the process ended (exit code %d) before the tests were complete", facts->exit_code);
        return;
    }
    append_last_line(text, facts->err_tail, facts->err_tail_size);
}

static void suite_is_complete(const struct task *task, const struct report *report,
                              const struct report_test *failing, struct finding *finding)
{
    const struct report_test *missing = report_missing(report);
    const struct report_test *skipped = first_forced_skip(report);
    if (missing != NULL && !(task->stop_on_first_failure && failing != NULL))
        set_text(finding, STATUS_FAIL, REASON_TAMPERED, missing->name, "the test did not report");
    else if (skipped != NULL)
        set_text(finding, STATUS_FAIL, REASON_TAMPERED, skipped->name, "the program made the test skip");
    else if (failing != NULL)
        outcome_append_test(outcome_set(finding, STATUS_FAIL, REASON_ASSERTION, NULL), failing);
    else if (!anything_ran(report))
        set_text(finding, STATUS_ERROR, REASON_NO_TESTS, "test_suite_code",
                 report->test_count == 0 ? "the suite has no tests" : "the suite skips all of its tests");
}

static const char *suite_subject(const struct step_facts *facts, const struct report *report,
                                 const struct report_test *failing)
{
    bool cut_short = !report->done && (facts->stop != STOP_NONE || !facts->exited);
    const char *interrupted = report_interrupted(report);
    if (cut_short && interrupted != NULL)
        return interrupted;
    return failing != NULL ? failing->name : "the suite";
}

void outcome_suite(const struct task *task, const struct step_facts *facts, const struct report *report,
                   struct finding *finding)
{
    const struct report_test *failing = first_failing(report);
    bool crashed = !facts->exited && facts->stop != STOP_DONE;
    struct limit_view view = {
        .subject = suite_subject(facts, report, failing),
        .failed = failing != NULL || crashed || !report->done || report->fault != FAULT_NONE,
        .wall_ms = task->limits.wall_ms,
        .cpu_ms = task->limits.cpu_ms,
    };

    if (report->no_memory)
        set_text(finding, STATUS_ERROR, REASON_INFRA, NULL, "no memory for the report of the suite");
    else if (facts->start_errno != 0)
        set_text(finding, STATUS_FAIL, REASON_CRASH, "the suite could not be started",
                 strerrordesc_np(facts->start_errno));
    else if (!harness_started(task, facts, report))
        outcome_of_no_harness(task, facts, report, finding);
    else if (suite_is_tampered(report, finding) || outcome_limit(task, facts, &view, finding) ||
             suite_could_not_run(report, finding))
        return;
    else if (!report->done || crashed)
        suite_ended_early(task, facts, report, finding);
    else
        suite_is_complete(task, report, failing, finding);
}

enum step_end outcome_step_end(const struct finding *finding)
{
    if (finding->status == STATUS_PASS)
        return STEP_END_PASSED;
    if (finding->status == STATUS_ERROR || finding->reason == REASON_TAMPERED || finding->task_time)
        return STEP_END_FATAL;
    return STEP_END_FAILED;
}
