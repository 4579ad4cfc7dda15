/* What a slot does for its task: the phases' files, the steps, and what each of them says. */
#include "worker/slot_internal.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/slot_build.h"

static void finish_verdict(struct slot *slot)
{
    judgement_finish(&slot->judgement, slot->result);
    slot->result->finished_at_ms = clock_unix_ms();
    slot->end = SLOT_VERDICT;
}

static void add_not_run(struct slot *slot, size_t from)
{
    for (size_t i = from; i < slot->plan.count; i++)
        if (slot->plan.steps[i].kind == STEP_CASE)
            judgement_add_case_not_run(slot->result, slot->plan.steps[i].test_case);
}

/* Books what a step found and goes on to what comes next. */
static void step_is_judged(struct slot *slot, const struct finding *finding, int64_t wall_ms,
                           bool exit_failed)
{
    const struct plan_step *step = &slot->plan.steps[slot->next];
    if (step->kind == STEP_CASE)
        judgement_add_case(&slot->judgement, slot->result, step->test_case, finding, wall_ms);
    else if (step->kind == STEP_SUITE && slot->step.report != NULL)
        judgement_add_suite(&slot->judgement, slot->result, slot->step.report, finding);
    else
        judgement_add(&slot->judgement, finding);

    enum step_end end = outcome_step_end(finding);
    size_t next = plan_next(&slot->plan, slot->next, end);
    if (step->kind == STEP_CASE && exit_failed && end != STEP_END_FATAL &&
        plan_insert_checks(&slot->plan, slot->next, next == slot->plan.count))
        next = slot->next + 1;
    bool same_phase = next < slot->plan.count && slot->plan.steps[next].phase == step->phase;
    if (next == slot->plan.count)
        add_not_run(slot, slot->next + 1);
    slot_step_clear(&slot->step);
    slot->next = next;
    if (next == slot->plan.count)
        finish_verdict(slot);
    if (same_phase)
        slot_run_step(slot);
    else
        slot_end_phase(slot);
}

static void judge(struct slot *slot, const struct step_facts *facts, struct finding *finding)
{
    const struct plan_step *step = &slot->plan.steps[slot->next];
    autobuf struct buf text = BUF_INIT;
    size_t size;
    switch (step->kind) {
    case STEP_COMPILE:
        (void)capture_text(&slot->step.out, &text);
        outcome_compile(slot->task, step->compile, facts, buf_text(&text), text.size, finding);
        break;
    case STEP_CASE: {
        const char *out = capture_whole(&slot->step.out, &size);
        outcome_case(slot->task, step->test_case, facts, out, size, finding);
        break;
    }
    case STEP_SUITE:
        outcome_suite(slot->task, facts, slot->step.report, finding);
        break;
    }
}

/* People want to see the first step that failed, or else the last one that ran. */
static void keep_output(struct slot *slot, const struct finding *finding, const struct sandbox_event *event)
{
    enum step_kind kind = slot->plan.steps[slot->next].kind;
    bool failed = finding->status != STATUS_PASS;
    bool last = slot->next + 1 == slot->plan.count;
    if (slot->output_settled || !(failed || (last && kind != STEP_COMPILE)))
        return;
    slot_result_set_output(slot->result, &slot->step, event);
    slot->output_settled = failed;
}

void slot_forget_first_run(struct slot *slot)
{
    for (size_t i = 0; i < slot->failed_first_count; i++)
        free(slot->failed_first[i]);
    free(slot->failed_first);
    slot->failed_first = NULL;
    slot->failed_first_count = 0;
    slot->again = false;
}

/* The harness may do without its framework, once, and where there is time to run the suite again. */
static bool may_be_fast(const struct slot *slot, unsigned server)
{
    const struct limits *limits = &slot->task->limits;
    return server != 0 && slot->options.warm.fast_path && !slot->again &&
           slot->used_ms + 2 * limits->wall_ms <= limits->task_wall_ms;
}

/* Only the harness' own word, while nothing speaks against the run, gives a suite its second one. */
static bool asks_again(const struct slot *slot, const struct step_facts *facts)
{
    bool ended = facts->stop == STOP_DONE || (facts->stop == STOP_NONE && facts->exited);
    return slot->step.report != NULL && slot->step.fast && ended && report_asks_again(slot->step.report);
}

/* In a workspace made anew. What failed will stay failed. */
static void run_again(struct slot *slot, const struct sandbox_event *event)
{
    struct report *report = slot->step.report;
    enum phase phase = slot->plan.steps[slot->next].phase;
    log_debug("slot %u: %s runs again, under its framework: %s", slot->options.number, slot->task->task_id,
              report->again_message);
    slot->again = true;
    slot->failed_first = steal_ptr(report->failed_first);
    slot->failed_first_count = report->failed_first_count;
    report->failed_first_count = 0;
    slot_result_add_usage(slot->result, &slot->usage, STEP_SUITE, event);
    slot_step_clear(&slot->step);
    while (slot->next > 0 && slot->plan.steps[slot->next - 1].phase == phase)
        slot->next--;
    slot_end_phase(slot);
}

void slot_step_exited(struct slot *slot, const struct sandbox_event *event)
{
    enum step_kind kind = slot->plan.steps[slot->next].kind;
    struct finding finding = FINDING_INIT;
    struct step_facts facts;

    if (!slot_step_collect(&slot->step, event, &facts, &slot->err)) {
        slot_break_down(slot);
        return;
    }
    if (kind != STEP_COMPILE)
        slot->used_ms += event->wall_us / 1000;
    if (asks_again(slot, &facts)) {
        run_again(slot, event);
        return;
    }
    if (slot->step.report != NULL)
        report_failed_before(slot->step.report, slot->failed_first, slot->failed_first_count);
    judge(slot, &facts, &finding);
    if (finding.text.failed) {
        (void)err_set(&slot->err, ERR_INFRA, "no memory for the verdict");
        slot_break_down(slot);
    } else if (finding.reason == REASON_INFRA) {
        (void)err_set(&slot->err, ERR_INFRA, "runtime %s: %s", slot->task->runtime->name,
                      buf_text(&finding.text));
        slot_break_down(slot);
    } else {
        if (event->kept >= 0 && finding.status == STATUS_PASS)
            slot_build_keep(slot, event->kept);
        if (event->warm)
            slot_result_mark(slot->result, RESULT_WARM);
        if (slot->step.report != NULL && slot->step.report->fast)
            slot_result_mark(slot->result, RESULT_FAST);
        if (slot->step.report != NULL && slot->step.report->kept)
            slot_result_mark(slot->result, RESULT_KEPT);
        slot_result_add_usage(slot->result, &slot->usage, kind, event);
        keep_output(slot, &finding, event);
        step_is_judged(slot, &finding, event->wall_us / 1000,
                       event->exited && event->exit_code != 0 && !event->exec_failed);
    }
    buf_free(&finding.text);
}

static void no_time_left(struct slot *slot)
{
    const struct plan_step *step = &slot->plan.steps[slot->next];
    struct finding finding = FINDING_INIT;
    outcome_no_time(slot->task, step->kind == STEP_CASE ? step->test_case->name : "the suite", &finding);
    step_is_judged(slot, &finding, 0, false);
    buf_free(&finding.text);
}

unsigned slot_server_for(const struct slot *slot, size_t step)
{
    return slot_servers_for(&slot->servers, slot->sandbox, &slot->plan, &slot->plan.steps[step]);
}

void slot_run_step(struct slot *slot)
{
    bool by_task;
    int64_t wall_ms = plan_wall_ms(&slot->plan, slot->next, slot->used_ms, &by_task);
    if (wall_ms == 0) {
        no_time_left(slot);
        return;
    }
    bool parked = slot->park.process;
    if (parked && !slot_step_waits(&slot->step)) {
        slot_park_spoilt(slot);
        return;
    }
    slot_enter(slot, SLOT_STEPPING, 0);
    unsigned server = parked ? 0 : slot_server_for(slot, slot->next);
    struct slot_step_start start = {.index = slot->next,
                                    .server = server,
                                    .fast = may_be_fast(slot, server),
                                    .keep_suite = slot->options.warm.keep_suites,
                                    .keep = slot_build_outputs(slot),
                                    .wall_ms = wall_ms,
                                    .wall_is_tasks = by_task};
    if (slot->park.stands)
        slot_result_mark(slot->result, parked ? RESULT_PARKED_PROCESS : RESULT_PARKED);
    slot_park_over(slot);
    if (parked ? !slot_step_release(&slot->step, &slot->plan, &start, &slot->err)
               : !slot_step_start(&slot->step, slot->sandbox, &slot->plan, &start, &slot->err))
        slot_break_down(slot);
}

/* A verdict without a run: the task cannot fit. */
static void refuse(struct slot *slot, const struct buf *text)
{
    struct finding finding = {.status = STATUS_ERROR, .reason = REASON_BAD_TASK, .text = *text};
    judgement_add(&slot->judgement, &finding);
    slot->next = slot->plan.count;
    finish_verdict(slot);
    if (slot->park.stands) {
        slot_end_phase(slot);
        return;
    }
    slot_enter(slot, SLOT_IDLE, 0);
    slot_deliver(slot, SLOT_VERDICT);
}

unsigned slot_server_of_phase(const struct slot *slot, enum phase phase)
{
    unsigned number = 0;
    for (size_t i = slot->next; i < slot->plan.count && slot->plan.steps[i].phase == phase && number == 0;
         i++)
        number = slot_server_for(slot, i);
    return number;
}

/* A server starts while nothing of a task is there, so that it is in no task's time, and in the limits of
 * none. */
static bool waits_for_servers(struct slot *slot, enum phase phase)
{
    if (slot->park.stands)
        return false;
    unsigned number = slot_server_of_phase(slot, phase);
    if (!sandbox_start_server(slot->sandbox, number))
        slot_servers_log(&slot->servers, slot->sandbox, slot->options.number, number);
    return sandbox_awaits_servers(slot->sandbox);
}

void slot_begin_phase(struct slot *slot)
{
    autobuf struct buf text = BUF_INIT;
    size_t count;
    enum phase phase = slot->plan.steps[slot->next].phase;
    if (slot->setup_since_ms == 0)
        slot->setup_since_ms = clock_ms();
    if (waits_for_servers(slot, phase)) {
        slot_enter(slot, SLOT_WARMING, SLOT_SERVERS_LIMIT_MS);
        return;
    }
    autofree struct sandbox_file *files = plan_files(&slot->plan, phase, &count);
    struct sandbox_task task = {
        .memory_bytes = slot->task->limits.memory_bytes,
        .processes = slot->task->limits.processes,
        .disk_bytes = slot->task->limits.disk_bytes,
        .warm = slot_server_of_phase(slot, phase) != 0,
    };
    if (files != NULL && !slot_result_task_fits(slot->task, files, count, &text)) {
        refuse(slot, &text);
        return;
    }
    if (files != NULL)
        slot_build_reuse(slot, &files, &count);
    task.files = files;
    task.file_count = count;
    slot_enter(slot, SLOT_BEGINNING, SLOT_BEGIN_LIMIT_MS);
    if (files == NULL)
        (void)err_set(&slot->err, ERR_INFRA, "no memory for the list of files");
    if (files == NULL || (slot->park.stands ? !sandbox_task_files(slot->sandbox, files, count, &slot->err)
                                            : !sandbox_task_begin(slot->sandbox, &task, &slot->err)))
        slot_break_down(slot);
}
