/*
 * A task's way through a slot:
 *
 *   IDLE -> BEGINNING -> STEPPING -> [STOPPING] -> STEPPING ... -> ENDING -> IDLE, then on_done
 *               ^                                                    |
 *               +---------------- the next phase --------------------+
 *
 * BEGINNING: the sandbox makes a workspace and writes the files. STEPPING: a step runs (slot_step.c).
 * STOPPING: it was told to end. ENDING: the sandbox clears everything away. Each state has a deadline (one
 * timer), so that no sandbox can hold a slot for ever; whatever the machinery does wrong leads to BROKEN,
 * which slot_reopen (or the next slot_run) leaves.
 *
 * All changes of state go through enter(). on_done is called from a timer of its own, so that the caller may
 * do anything in it, closing the slot included.
 */
#include "worker/slot.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/clock.h"
#include "common/mem.h"
#include "worker/judgement.h"
#include "worker/plan.h"
#include "worker/slot_result.h"
#include "worker/slot_step.h"

#define BEGIN_LIMIT_MS 30000
#define STOP_LIMIT_MS  30000
#define END_LIMIT_MS   60000

enum slot_state { SLOT_IDLE, SLOT_BEGINNING, SLOT_STEPPING, SLOT_STOPPING, SLOT_ENDING, SLOT_BROKEN };

struct slot {
    struct loop *loop;
    struct slot_options options;
    const char **read_only_paths; /* NULL-terminated; of all runtimes; the strings are theirs */
    slot_done_fn *on_done;
    void *context;

    struct sandbox *sandbox; /* NULL while broken */
    struct loop_watch *watch;
    enum slot_state state;
    struct loop_timer *timer;    /* of the state */
    struct loop_timer *delivery; /* calls on_done */

    /* The task; NULL between tasks. */
    const struct task *task;
    struct plan plan;
    size_t next; /* the step that runs or comes next */
    struct slot_step step;
    struct judgement judgement;
    struct result *result;
    bool output_settled; /* stdout and stderr are those of the first failing step */
    int64_t state_since_ms;
    int64_t used_ms; /* wall time of the cases and the suite so far */
    enum slot_end end;
    struct err err;
};

static void begin_phase(struct slot *slot);
static void run_step(struct slot *slot);

static void enter(struct slot *slot, enum slot_state state, int64_t limit_ms)
{
    slot->state = state;
    slot->state_since_ms = clock_ms();
    if (limit_ms > 0)
        loop_timer_set(slot->timer, slot->state_since_ms + limit_ms);
    else
        loop_timer_stop(slot->timer);
}

/* ---- the sandbox ---- */

static void close_sandbox(struct slot *slot)
{
    loop_watch_remove(slot->watch);
    slot->watch = NULL;
    sandbox_close(slot->sandbox);
    slot->sandbox = NULL;
}

static void on_sandbox(void *context, int fd, uint32_t events);

static bool open_sandbox(struct slot *slot, struct err *err)
{
    int64_t scratch_bytes = 0;
    for (size_t i = 0; i < slot->options.runtimes->count; i++)
        if (slot->options.runtimes->items[i].maximum.disk_bytes > scratch_bytes)
            scratch_bytes = slot->options.runtimes->items[i].maximum.disk_bytes;
    struct sandbox_options options = {
        .slot = slot->options.number,
        .uid = slot->options.uid_base > 0 ? (uid_t)(slot->options.uid_base + slot->options.number) : 0,
        .harness_dir = slot->options.harness_dir,
        .read_only_paths = slot->read_only_paths,
        .allow_missing = slot->options.allow_missing,
        .scratch_bytes_max = scratch_bytes,
    };
    slot->sandbox = sandbox_open(&options, err);
    if (slot->sandbox == NULL)
        return false;
    slot->watch = loop_watch_fd(slot->loop, sandbox_fd(slot->sandbox), EPOLLIN, on_sandbox, slot, err);
    if (slot->watch == NULL) {
        close_sandbox(slot);
        return false;
    }
    enter(slot, SLOT_IDLE, 0);
    return true;
}

static bool lists(const char *const *list, const char *text)
{
    for (; *list != NULL; list++)
        if (strcmp(*list, text) == 0)
            return true;
    return false;
}

static const char **collect_read_only_paths(const struct runtimes *runtimes)
{
    size_t most = 1, count = 0;
    for (size_t i = 0; i < runtimes->count; i++)
        for (char **path = runtimes->items[i].read_only_paths; path != NULL && *path != NULL; path++)
            most++;
    const char **paths = calloc(most, sizeof(*paths));
    for (size_t i = 0; i < runtimes->count && paths != NULL; i++)
        for (char **path = runtimes->items[i].read_only_paths; path != NULL && *path != NULL; path++)
            if (!lists(paths, *path))
                paths[count++] = *path;
    return paths;
}

/* ---- the end of a task ---- */

static void forget_task(struct slot *slot)
{
    slot_step_clear(&slot->step);
    plan_free(&slot->plan);
    judgement_free(&slot->judgement);
    result_free(slot->result);
    slot->result = NULL;
    slot->task = NULL;
}

static void on_delivery(void *context)
{
    struct slot *slot = context;
    enum slot_end end = slot->end;
    struct err err = slot->err;
    struct result *result = end == SLOT_VERDICT ? steal_ptr(slot->result) : NULL;
    forget_task(slot);
    slot->on_done(slot->context, slot, end, result, &err); /* may close the slot */
}

static void deliver(struct slot *slot, enum slot_end end)
{
    slot->end = end;
    loop_timer_set(slot->delivery, clock_ms());
}

/* The machinery failed; `slot->err` says how. A verdict or a cancel that stood already is not lost by it. */
static void break_down(struct slot *slot)
{
    bool over = slot->state == SLOT_ENDING && (slot->end == SLOT_CANCELLED || slot->next == slot->plan.count);
    bool in_task = slot->task != NULL && slot->state != SLOT_IDLE;
    slot_step_clear(&slot->step);
    close_sandbox(slot);
    enter(slot, SLOT_BROKEN, 0);
    if (in_task)
        deliver(slot, over ? slot->end : SLOT_INFRA);
}

static void finish_verdict(struct slot *slot)
{
    judgement_finish(&slot->judgement, slot->result);
    slot->result->finished_at_ms = clock_unix_ms();
    slot->end = SLOT_VERDICT;
}

static void end_phase(struct slot *slot)
{
    enter(slot, SLOT_ENDING, END_LIMIT_MS);
    if (!sandbox_task_end(slot->sandbox, &slot->err))
        break_down(slot);
}

static void phase_ended(struct slot *slot)
{
    if (slot->end != SLOT_CANCELLED && slot->next < slot->plan.count) {
        begin_phase(slot);
        return;
    }
    enter(slot, SLOT_IDLE, 0);
    deliver(slot, slot->end);
}

/* ---- steps ---- */

static void add_not_run(struct slot *slot, size_t from)
{
    for (size_t i = from; i < slot->plan.count; i++)
        if (slot->plan.steps[i].kind == STEP_CASE)
            judgement_add_case_not_run(slot->result, slot->plan.steps[i].test_case);
}

/* Books what a step found and goes on to what comes next. */
static void step_is_judged(struct slot *slot, const struct finding *finding, int64_t wall_ms)
{
    const struct plan_step *step = &slot->plan.steps[slot->next];
    if (step->kind == STEP_CASE)
        judgement_add_case(&slot->judgement, slot->result, step->test_case, finding, wall_ms);
    else if (step->kind == STEP_SUITE && slot->step.report != NULL)
        judgement_add_suite(&slot->judgement, slot->result, slot->step.report, finding);
    else
        judgement_add(&slot->judgement, finding);

    size_t next = plan_next(&slot->plan, slot->next, outcome_step_end(finding));
    bool same_phase = next < slot->plan.count && slot->plan.steps[next].phase == step->phase;
    if (next == slot->plan.count)
        add_not_run(slot, slot->next + 1);
    slot_step_clear(&slot->step);
    slot->next = next;
    if (next == slot->plan.count)
        finish_verdict(slot);
    if (same_phase)
        run_step(slot);
    else
        end_phase(slot);
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

static void step_exited(struct slot *slot, const struct sandbox_event *event)
{
    enum step_kind kind = slot->plan.steps[slot->next].kind;
    struct finding finding = FINDING_INIT;
    struct step_facts facts;

    if (!slot_step_collect(&slot->step, event, &facts, &slot->err)) {
        break_down(slot);
        return;
    }
    if (kind != STEP_COMPILE)
        slot->used_ms += clock_ms() - slot->step.started_ms;
    judge(slot, &facts, &finding);
    if (finding.text.failed) {
        (void)err_set(&slot->err, ERR_INFRA, "no memory for the verdict");
        break_down(slot);
    } else if (finding.reason == REASON_INFRA) {
        (void)err_set(&slot->err, ERR_INFRA, "runtime %s: %s", slot->task->runtime->name,
                      buf_text(&finding.text));
        break_down(slot);
    } else {
        slot_result_add_usage(slot->result, kind, event);
        keep_output(slot, &finding, event);
        step_is_judged(slot, &finding, event->wall_us / 1000);
    }
    buf_free(&finding.text);
}

static void no_time_left(struct slot *slot)
{
    const struct plan_step *step = &slot->plan.steps[slot->next];
    struct finding finding = FINDING_INIT;
    outcome_no_time(slot->task, step->kind == STEP_CASE ? step->test_case->name : "the suite", &finding);
    step_is_judged(slot, &finding, 0);
    buf_free(&finding.text);
}

static void run_step(struct slot *slot)
{
    bool by_task;
    int64_t wall_ms = plan_wall_ms(&slot->plan, slot->next, slot->used_ms, &by_task);
    if (wall_ms == 0) {
        no_time_left(slot);
        return;
    }
    enter(slot, SLOT_STEPPING, 0);
    if (!slot_step_start(&slot->step, slot->sandbox, &slot->plan, slot->next, wall_ms, by_task, &slot->err))
        break_down(slot);
}

/* ---- the beginning of a task ---- */

/* A verdict without a run: the task cannot fit. */
static void refuse(struct slot *slot, const struct buf *text)
{
    struct finding finding = {.status = STATUS_ERROR, .reason = REASON_BAD_TASK, .text = *text};
    judgement_add(&slot->judgement, &finding);
    slot->next = slot->plan.count;
    finish_verdict(slot);
    enter(slot, SLOT_IDLE, 0);
    deliver(slot, SLOT_VERDICT);
}

static void begin_phase(struct slot *slot)
{
    autobuf struct buf text = BUF_INIT;
    size_t count;
    autofree struct sandbox_file *files = plan_files(&slot->plan, slot->plan.steps[slot->next].phase, &count);
    struct sandbox_task task = {
        .files = files,
        .file_count = count,
        .memory_bytes = slot->task->limits.memory_bytes,
        .processes = slot->task->limits.processes,
        .disk_bytes = slot->task->limits.disk_bytes,
    };
    if (files != NULL && !slot_result_task_fits(slot->task, files, count, &text)) {
        refuse(slot, &text);
        return;
    }
    enter(slot, SLOT_BEGINNING, BEGIN_LIMIT_MS);
    if (files == NULL)
        (void)err_set(&slot->err, ERR_INFRA, "no memory for the list of files");
    if (files == NULL || !sandbox_task_begin(slot->sandbox, &task, &slot->err))
        break_down(slot);
}

static bool prepare_task(struct slot *slot, const struct task *task)
{
    if (!plan_init(&slot->plan, task, &slot->err))
        return false;
    slot->result = slot_result_new(task, sandbox_mechanisms(slot->sandbox));
    if (slot->result == NULL)
        return err_set(&slot->err, ERR_INFRA, "no memory for the result");
    slot->result->started_at_ms = clock_unix_ms();
    return true;
}

void slot_run(struct slot *slot, const struct task *task)
{
    slot->task = task;
    slot->next = 0;
    slot->used_ms = 0;
    slot->output_settled = false;
    slot->end = SLOT_INFRA;
    err_clear(&slot->err);
    judgement_init(&slot->judgement);
    if ((slot->sandbox == NULL && !open_sandbox(slot, &slot->err)) || !prepare_task(slot, task))
        deliver(slot, SLOT_INFRA);
    else
        begin_phase(slot);
}

void slot_cancel(struct slot *slot)
{
    bool running =
        slot->state == SLOT_BEGINNING || slot->state == SLOT_STEPPING || slot->state == SLOT_STOPPING;
    if (running) {
        slot->end = SLOT_CANCELLED;
        slot_step_clear(&slot->step);
        end_phase(slot);
    } else if (slot->state == SLOT_ENDING && slot->next < slot->plan.count) {
        slot->end = SLOT_CANCELLED;
    }
}

/* ---- events ---- */

/* True when the event fits the state; a sandbox that says anything else is not to be trusted. */
static bool handle_event(struct slot *slot, const struct sandbox_event *event)
{
    switch (event->kind) {
    case SANDBOX_TASK_READY:
        if (slot->state == SLOT_BEGINNING) {
            slot->result->setup_ms += clock_ms() - slot->state_since_ms;
            run_step(slot);
            return true;
        }
        return slot->state == SLOT_ENDING; /* crossed with sandbox_task_end */
    case SANDBOX_STEP_EXITED:
        if (slot->state == SLOT_STEPPING || slot->state == SLOT_STOPPING) {
            step_exited(slot, event);
            return true;
        }
        return slot->state == SLOT_ENDING;
    case SANDBOX_TASK_ENDED:
        if (slot->state != SLOT_ENDING)
            return false;
        phase_ended(slot);
        return true;
    case SANDBOX_FAILED:
        break;
    }
    slot->err = event->err;
    break_down(slot);
    return true;
}

static void on_sandbox(void *context, int fd, uint32_t events)
{
    struct slot *slot = context;
    struct sandbox_event event;
    (void)fd;
    (void)events;
    while (slot->sandbox != NULL && sandbox_receive(slot->sandbox, &event)) {
        if (!handle_event(slot, &event)) {
            (void)err_set(&slot->err, ERR_INFRA, "the sandbox of slot %u sent event %d out of turn",
                          slot->options.number, (int)event.kind);
            break_down(slot);
        }
    }
}

static void on_timer(void *context)
{
    struct slot *slot = context;
    static const char *const waits[] = {
        [SLOT_BEGINNING] = "make a workspace",
        [SLOT_STOPPING] = "kill a step",
        [SLOT_ENDING] = "clear a workspace away",
    };
    if (slot->state == SLOT_STEPPING) {
        slot_step_time_up(&slot->step);
        enter(slot, SLOT_STOPPING, STOP_LIMIT_MS);
    } else if (slot->state == SLOT_BEGINNING || slot->state == SLOT_STOPPING || slot->state == SLOT_ENDING) {
        (void)err_set(&slot->err, ERR_INFRA, "the sandbox of slot %u did not %s within %lld s",
                      slot->options.number, waits[slot->state],
                      (long long)((clock_ms() - slot->state_since_ms) / 1000));
        break_down(slot);
    }
}

/* ---- the slot ---- */

struct slot *slot_open(struct loop *loop, const struct slot_options *options, slot_done_fn *on_done,
                       void *context, struct err *err)
{
    struct slot *slot = calloc(1, sizeof(*slot));
    if (slot == NULL) {
        (void)err_set(err, ERR_NO_MEMORY, "no memory for a slot");
        return NULL;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    slot->loop = loop;
    slot->options = *options;
    slot->on_done = on_done;
    slot->context = context;
    slot->state = SLOT_BROKEN;
    slot->timer = loop_timer_new(loop, on_timer, slot);
    slot->delivery = loop_timer_new(loop, on_delivery, slot);
    slot->read_only_paths = collect_read_only_paths(options->runtimes);
    slot_step_init(&slot->step, loop, slot->timer);
    if (slot->timer == NULL || slot->delivery == NULL || slot->read_only_paths == NULL)
        (void)err_set(err, ERR_NO_MEMORY, "no memory for a slot");
    else if (open_sandbox(slot, err))
        return slot;
    (void)err_wrap(err, "slot %u", options->number);
    slot_close(slot);
    return NULL;
}

void slot_close(struct slot *slot)
{
    if (slot == NULL)
        return;
    if (slot->timer != NULL)
        forget_task(slot);
    close_sandbox(slot);
    loop_timer_free(slot->timer);
    loop_timer_free(slot->delivery);
    free(slot->read_only_paths);
    free(slot);
}

bool slot_reopen(struct slot *slot, struct err *err)
{
    close_sandbox(slot);
    slot->state = SLOT_BROKEN;
    return open_sandbox(slot, err) || err_wrap(err, "slot %u", slot->options.number);
}

bool slot_is_idle(const struct slot *slot)
{
    return slot->task == NULL;
}

unsigned slot_number(const struct slot *slot)
{
    return slot->options.number;
}

const char *const *slot_mechanisms(const struct slot *slot)
{
    static const char *const none[] = {NULL};
    return slot->sandbox != NULL ? sandbox_mechanisms(slot->sandbox) : none;
}
