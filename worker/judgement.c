#include "worker/judgement.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

void judgement_init(struct judgement *judgement)
{
    *judgement = (struct judgement){.status = STATUS_PASS, .reason = REASON_OK};
}

void judgement_free(struct judgement *judgement)
{
    free(judgement->text);
    for (size_t i = 0; i < judgement->other_count; i++)
        free(judgement->others[i]);
    judgement_init(judgement);
}

static unsigned weight_of(const struct finding *finding)
{
    if (finding->reason == REASON_TAMPERED)
        return 5;
    if (finding->status == STATUS_ERROR)
        return 4;
    if (finding->reason == REASON_COMPILE)
        return 3;
    return finding->task_time ? 2 : 1;
}

static void add_other(struct judgement *judgement, const char *text)
{
    if (text == NULL || judgement->other_count == ARRAY_SIZE(judgement->others))
        return;
    char *copy = strdup(text);
    if (copy != NULL)
        judgement->others[judgement->other_count++] = copy;
}

void judgement_add(struct judgement *judgement, const struct finding *finding)
{
    if (finding->status == STATUS_PASS)
        return;
    unsigned weight = weight_of(finding);
    struct buf copy = BUF_INIT; /* of a finding that stays the caller's */
    buf_append(&copy, finding->text.data, finding->text.size);
    autofree char *text = buf_steal(&copy, NULL);
    if (judgement->decided && weight <= judgement->weight) {
        add_other(judgement, text);
        return;
    }
    add_other(judgement, judgement->text);
    free(judgement->text);
    judgement->text = steal_ptr(text);
    judgement->decided = true;
    judgement->weight = weight;
    judgement->status = finding->status;
    judgement->reason = finding->reason;
}

static void count(struct result *result, enum outcome outcome)
{
    result->total++;
    switch (outcome) {
    case OUTCOME_PASSED:
    case OUTCOME_XFAILED:
    case OUTCOME_XPASSED:
        result->passed++;
        break;
    case OUTCOME_SKIPPED:
        result->skipped++;
        break;
    case OUTCOME_FAILED:
    case OUTCOME_ERROR:
        result->failed++;
        break;
    case OUTCOME_NOT_RUN:
    case OUTCOME_COUNT:
        break;
    }
}

static void add_test(struct result *result, const char *name, enum outcome outcome, int64_t ms,
                     const char *message)
{
    count(result, outcome);
    result_add_test(result, name, outcome, ms, message);
}

/* The text of a finding without the subject that begins it. */
static const char *without_subject(const char *text, const char *subject)
{
    size_t size = strlen(subject);
    return strncmp(text, subject, size) == 0 && strncmp(text + size, ": ", 2) == 0 ? text + size + 2 : text;
}

void judgement_add_case(struct judgement *judgement, struct result *result, const struct task_case *test_case,
                        const struct finding *finding, int64_t wall_ms)
{
    if (finding->status == STATUS_PASS) {
        add_test(result, test_case->name, OUTCOME_PASSED, wall_ms, NULL);
        return;
    }
    const char *text = finding->text.data != NULL ? finding->text.data : "";
    enum outcome outcome = finding->reason == REASON_WRONG_OUTPUT ? OUTCOME_FAILED : OUTCOME_ERROR;
    add_test(result, test_case->name, outcome, wall_ms, without_subject(text, test_case->name));
    judgement_add(judgement, finding);
}

void judgement_add_case_not_run(struct result *result, const struct task_case *test_case)
{
    add_test(result, test_case->name, OUTCOME_NOT_RUN, 0, NULL);
}

static void add_failed_test(struct judgement *judgement, const struct report_test *test)
{
    autobuf struct buf text = BUF_INIT;
    outcome_append_test(&text, test);
    if (judgement->text == NULL || strcmp(judgement->text, buf_text(&text)) != 0)
        add_other(judgement, buf_text(&text));
}

/* Reasons whose rate is what passed, and not 0.0. */
static bool has_partial_rate(enum status status, enum reason reason)
{
    return status == STATUS_FAIL && reason != REASON_CRASH && reason != REASON_COMPILE &&
           reason != REASON_TAMPERED;
}

void judgement_add_suite(struct judgement *judgement, struct result *result, struct report *report,
                         const struct finding *finding)
{
    bool shown = false; /* some test shows that not all is well */
    for (size_t i = 0; i < report->test_count; i++) {
        const struct report_test *test = &report->tests[i];
        enum outcome outcome = test->outcome;
        if (outcome == OUTCOME_SKIPPED && !test->suite_skip)
            outcome = OUTCOME_FAILED;
        shown = shown || outcome == OUTCOME_FAILED || outcome == OUTCOME_ERROR || outcome == OUTCOME_NOT_RUN;
        add_test(result, test->name, outcome, test->ms, test->message);
    }
    judgement_add(judgement, finding);
    for (size_t i = 0; i < report->test_count; i++)
        if (report->tests[i].outcome == OUTCOME_FAILED || report->tests[i].outcome == OUTCOME_ERROR)
            add_failed_test(judgement, &report->tests[i]);
    /* A suite that was stopped between its tests, or whose child ran out of memory, is not all passed. */
    if (!shown && has_partial_rate(finding->status, finding->reason))
        add_test(result, "suite", OUTCOME_ERROR, 0, finding->text.data);
    if (report->coverage != NULL && result->coverage == NULL)
        result->coverage = steal_ptr(report->coverage);
}

void judgement_finish(const struct judgement *judgement, struct result *result)
{
    result->status = judgement->status;
    result->reason = judgement->reason;
    int64_t counted = result->total - result->skipped;
    result->has_pass_rate = result->status != STATUS_ERROR;
    result->pass_rate = 0.0;
    if (result->status == STATUS_PASS)
        result->pass_rate = 1.0;
    else if (has_partial_rate(result->status, result->reason) && counted > 0)
        result->pass_rate = (double)result->passed / (double)counted;
    if (judgement->text != NULL)
        result_add_error(result, judgement->text, strlen(judgement->text));
    for (size_t i = 0; i < judgement->other_count; i++)
        result_add_error(result, judgement->others[i], strlen(judgement->others[i]));
}
