/*
 * A task's way through a slot:
 *
 *   IDLE -> [WARMING] -> BEGINNING -> STEPPING -> [STOPPING] -> STEPPING ... -> ENDING -> IDLE, then on_done
 *               ^                                                                  |
 *               +----------------------- the next phase ---------------------------+
 *
 * and, where the next task's sandbox is made ahead (slot_park.h):
 *
 *   IDLE -> PARKING -> PARKED -> BEGINNING ...             the task is as expected
 *                        +-> ENDING -> IDLE or BEGINNING   it is not, or what was parked is no good any more
 *
 * WARMING: a warm server that a step will have is started, as none was there for it yet; or those of a
 * sandbox that was opened just now still start. BEGINNING: the sandbox makes a workspace and writes the
 * files. STEPPING: a step runs (slot_step.c). STOPPING: it was told to end. ENDING: the sandbox clears
 * everything away. Each state has a deadline (one timer), so that no sandbox can hold a slot for ever;
 * whatever the machinery does wrong leads to BROKEN, which slot_reopen (or the next slot_run) leaves.
 *
 * All changes of state go through slot_enter. The steps themselves are in slot_task.c. on_done is called from
 * a timer of its own, so that the caller may do anything in it, closing the slot included.
 */
#include "worker/slot_internal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

#define STOP_LIMIT_MS 30000
#define END_LIMIT_MS  60000

void slot_enter(struct slot *slot, enum slot_state state, int64_t limit_ms)
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
    if (slot->sandbox == NULL)
        return;
    slot_step_clear(&slot->step);
    slot_park_over(slot);
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
        .setting = slot->options.sandbox_setting,
        .allow_missing = slot->options.allow_missing,
        .scratch_bytes_max = scratch_bytes,
    };
    slot_servers_request(&slot->servers, &slot->options.warm, &options);
    slot->sandbox = sandbox_open(&options, err);
    if (slot->sandbox == NULL)
        return false;
    slot->watch = loop_watch_fd(slot->loop, sandbox_fd(slot->sandbox), EPOLLIN, on_sandbox, slot, err);
    if (slot->watch == NULL) {
        close_sandbox(slot);
        return false;
    }
    slot_enter(slot, SLOT_IDLE, 0);
    return true;
}

static bool lists(const char *const *list, const char *text)
{
    for (; *list != NULL; list++)
        if (strcmp(*list, text) == 0)
            return true;
    return false;
}

static size_t length_of(const char *const *list)
{
    size_t length = 0;
    while (list != NULL && list[length] != NULL)
        length++;
    return length;
}

static void add_missing(const char **paths, const char *const *more)
{
    size_t count = length_of(paths);
    for (; more != NULL && *more != NULL; more++)
        if (!lists(paths, *more))
            paths[count++] = *more;
}

/* What a runtime's stanza shows, programs of the others see as well: a slot has one root. */
static const char **collect_read_only_paths(const struct slot_options *options)
{
    const struct runtimes *runtimes = options->runtimes;
    size_t most = 1 + length_of(options->read_only_paths);
    for (size_t i = 0; i < runtimes->count; i++)
        most += length_of((const char *const *)runtimes->items[i].read_only_paths);
    const char **paths = calloc(most, sizeof(*paths));
    if (paths == NULL)
        return NULL;
    add_missing(paths, options->read_only_paths);
    for (size_t i = 0; i < runtimes->count; i++)
        add_missing(paths, (const char *const *)runtimes->items[i].read_only_paths);
    return paths;
}

/* ---- the end of a task ---- */

static void forget_task(struct slot *slot)
{
    slot_step_clear(&slot->step);
    plan_free(&slot->plan);
    judgement_free(&slot->judgement);
    slot_forget_first_run(slot);
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

void slot_deliver(struct slot *slot, enum slot_end end)
{
    slot->end = end;
    loop_timer_set(slot->delivery, clock_ms());
}

void slot_break_down(struct slot *slot)
{
    bool over = slot->state == SLOT_ENDING && (slot->end == SLOT_CANCELLED || slot->next == slot->plan.count);
    bool in_task = slot->task != NULL && slot->state != SLOT_IDLE;
    close_sandbox(slot);
    slot_enter(slot, SLOT_BROKEN, 0);
    if (slot->task == NULL)
        log_warn("slot %u: its sandbox failed between tasks, and is made anew: %s", slot->options.number,
                 slot->err.text);
    if (in_task)
        slot_deliver(slot, over ? slot->end : SLOT_INFRA);
}

void slot_end_phase(struct slot *slot)
{
    slot_step_clear(&slot->step);
    slot_park_over(slot);
    slot_enter(slot, SLOT_ENDING, END_LIMIT_MS);
    if (!sandbox_task_end(slot->sandbox, &slot->err))
        slot_break_down(slot);
}

static void phase_ended(struct slot *slot)
{
    if (slot->task == NULL) {
        slot_enter(slot, SLOT_IDLE, 0);
    } else if (slot->end != SLOT_CANCELLED && slot->next < slot->plan.count) {
        slot_begin_phase(slot);
    } else {
        slot_enter(slot, SLOT_IDLE, 0);
        slot_deliver(slot, slot->end);
    }
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
    slot->usage = (struct slot_usage){.run_us = 0};
    slot->output_settled = false;
    slot->end = SLOT_INFRA;
    err_clear(&slot->err);
    judgement_init(&slot->judgement);
    slot->setup_since_ms = clock_ms();
    if (slot->sandbox == NULL && !open_sandbox(slot, &slot->err)) {
        slot_deliver(slot, SLOT_INFRA);
    } else if (!prepare_task(slot, task)) {
        close_sandbox(slot);
        slot_enter(slot, SLOT_BROKEN, 0);
        slot_deliver(slot, SLOT_INFRA);
    } else {
        bool fits = slot_park_fits(slot);
        slot_park_note(slot);
        if (slot->state == SLOT_IDLE || (slot->state == SLOT_PARKED && fits))
            slot_begin_phase(slot);
        else if (slot->state == SLOT_PARKED)
            slot_end_phase(slot);
        else if (slot->state == SLOT_PARKING) /* it goes on when that is made */
            slot->park.stale = !fits;
        /* ENDING: when what was parked is cleared away. */
    }
}

void slot_cancel(struct slot *slot)
{
    if (slot->task == NULL)
        return;
    if (slot->state == SLOT_WARMING) { /* the next task waits for the servers, if they still start then */
        slot_enter(slot, SLOT_IDLE, 0);
        slot_deliver(slot, SLOT_CANCELLED);
        return;
    }
    bool running = slot->state == SLOT_PARKING || slot->state == SLOT_BEGINNING ||
                   slot->state == SLOT_STEPPING || slot->state == SLOT_STOPPING;
    if (running) {
        slot->end = SLOT_CANCELLED;
        slot_end_phase(slot);
    } else if (slot->state == SLOT_ENDING && slot->next < slot->plan.count) {
        slot->end = SLOT_CANCELLED;
    }
}

/* ---- events ---- */

static void park_is_ready(struct slot *slot)
{
    if (slot->task == NULL)
        slot_park_ready(slot);
    else if (slot->park.stale)
        slot_end_phase(slot);
    else
        slot_begin_phase(slot);
}

/* True when the event fits the state; a sandbox that says anything else is not to be trusted. */
static bool handle_event(struct slot *slot, const struct sandbox_event *event)
{
    switch (event->kind) {
    case SANDBOX_TASK_READY:
        if (slot->state == SLOT_PARKING) {
            park_is_ready(slot);
            return true;
        }
        if (slot->state == SLOT_BEGINNING) {
            slot->result->setup_ms += clock_ms() - slot->setup_since_ms;
            slot->setup_since_ms = 0;
            slot_run_step(slot);
            return true;
        }
        return slot->state == SLOT_ENDING; /* crossed with sandbox_task_end */
    case SANDBOX_STEP_EXITED:
        if (slot->state == SLOT_STEPPING || slot->state == SLOT_STOPPING) {
            slot_step_exited(slot, event);
            return true;
        }
        if (slot->park.process) {
            slot_park_spoilt(slot);
            return true;
        }
        return slot->state == SLOT_ENDING;
    case SANDBOX_TASK_ENDED:
        if (slot->state != SLOT_ENDING)
            return false;
        phase_ended(slot);
        return true;
    case SANDBOX_SERVER:
        slot_servers_log(&slot->servers, slot->sandbox, slot->options.number, event->server);
        if (slot->state == SLOT_WARMING && !sandbox_awaits_servers(slot->sandbox))
            slot_begin_phase(slot);
        return true;
    case SANDBOX_FAILED:
        break;
    }
    slot->err = event->err;
    slot_break_down(slot);
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
            slot_break_down(slot);
        }
    }
}

static void on_timer(void *context)
{
    struct slot *slot = context;
    static const char *const waits[] = {
        [SLOT_WARMING] = "start its warm servers", [SLOT_PARKING] = "make a workspace",
        [SLOT_BEGINNING] = "make a workspace",     [SLOT_STOPPING] = "kill a step",
        [SLOT_ENDING] = "clear a workspace away",  [SLOT_BROKEN] = NULL,
    };
    if (slot->state == SLOT_STEPPING) {
        slot_step_time_up(&slot->step);
        slot_enter(slot, SLOT_STOPPING, STOP_LIMIT_MS + slot->step.wall_ms);
    } else if (waits[slot->state] != NULL) {
        (void)err_set(&slot->err, ERR_INFRA, "the sandbox of slot %u did not %s within %lld s",
                      slot->options.number, waits[slot->state],
                      (long long)((clock_ms() - slot->state_since_ms) / 1000));
        slot_break_down(slot);
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
    slot->read_only_paths = collect_read_only_paths(options);
    slot_step_init(&slot->step, loop, slot->timer);
    if (slot->timer == NULL || slot->delivery == NULL || slot->read_only_paths == NULL)
        (void)err_set(err, ERR_NO_MEMORY, "no memory for a slot");
    else if (slot_servers_init(&slot->servers, options->runtimes, &options->warm, err) &&
             open_sandbox(slot, err))
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
    slot_servers_free(&slot->servers);
    slot_park_free(&slot->park);
    free(slot);
}

bool slot_reopen(struct slot *slot, struct err *err)
{
    close_sandbox(slot);
    slot->state = SLOT_BROKEN;
    return open_sandbox(slot, err) || err_wrap(err, "slot %u", slot->options.number);
}

void slot_wait_for_servers(struct slot *slot)
{
    if (slot->sandbox == NULL)
        return;
    sandbox_wait_for_servers(slot->sandbox);
    for (unsigned number = 1; number <= slot->servers.count; number++)
        slot_servers_log(&slot->servers, slot->sandbox, slot->options.number, number);
}

void slot_end_servers_on_demand(struct slot *slot)
{
    if (slot->state == SLOT_IDLE)
        sandbox_end_servers_on_demand(slot->sandbox);
}

const struct slot_servers *slot_warm_servers(const struct slot *slot)
{
    return &slot->servers;
}

bool slot_is_idle(const struct slot *slot)
{
    return slot->task == NULL;
}

unsigned slot_number(const struct slot *slot)
{
    return slot->options.number;
}

struct sandbox *slot_sandbox(const struct slot *slot)
{
    return slot->sandbox;
}

const char *const *slot_mechanisms(const struct slot *slot)
{
    static const char *const none[] = {NULL};
    return slot->sandbox != NULL ? sandbox_mechanisms(slot->sandbox) : none;
}
