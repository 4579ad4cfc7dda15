#include "worker/slot_park.h"

#include <string.h>

#include "worker/slot_internal.h"

#define ALIKE_MIN 2 /* tasks in a row, before a process is started for the next */

void slot_park_free(struct slot_park *park)
{
    plan_free(&park->plan);
    *park = (struct slot_park){.shape = {.runtime = NULL}};
}

static struct park_shape shape_of(const struct slot *slot)
{
    const struct plan_step *first = &slot->plan.steps[0];

    return (struct park_shape){
        .runtime = slot->task->runtime,
        .limits = slot->task->limits,
        .warm = slot_server_of_phase(slot, first->phase) != 0,
        .cold_suite = first->kind == STEP_SUITE && slot_server_for(slot, 0) == 0,
    };
}

static bool same_workspace(const struct park_shape *a, const struct park_shape *b)
{
    return a->limits.memory_bytes == b->limits.memory_bytes && a->limits.processes == b->limits.processes &&
           a->limits.disk_bytes == b->limits.disk_bytes && a->warm == b->warm;
}

static bool same(const struct park_shape *a, const struct park_shape *b)
{
    return a->runtime == b->runtime && a->warm == b->warm && a->cold_suite == b->cold_suite &&
           memcmp(&a->limits, &b->limits, sizeof(a->limits)) == 0;
}

bool slot_park_fits(const struct slot *slot)
{
    const struct slot_park *park = &slot->park;
    struct park_shape shape = shape_of(slot);
    const struct sandbox_server_state *server =
        sandbox_server_state(slot->sandbox, slot_server_of_phase(slot, slot->plan.steps[0].phase));

    return park->stands && !park->stale && (server == NULL || server->asked) &&
           (park->process ? same(&shape, &park->shape) : same_workspace(&shape, &park->shape));
}

void slot_park_note(struct slot *slot)
{
    struct park_shape shape = shape_of(slot);

    slot->park.alike = same(&shape, &slot->park.shape) ? slot->park.alike + 1 : 1;
    slot->park.shape = shape;
    slot->park.spoilt = false;
}

void slot_park_over(struct slot *slot)
{
    slot->park.stands = slot->park.process = slot->park.stale = false;
}

void slot_park_spoilt(struct slot *slot)
{
    slot->park.alike = 0;
    slot->park.spoilt = true;
    slot_end_phase(slot);
}

void slot_park(struct slot *slot)
{
    const struct park_shape *shape = &slot->park.shape;

    if (!slot->options.warm.park || slot->task != NULL || slot->state != SLOT_IDLE ||
        shape->runtime == NULL || slot->park.spoilt || sandbox_awaits_servers(slot->sandbox))
        return;
    struct sandbox_task task = {
        .memory_bytes = shape->limits.memory_bytes,
        .processes = shape->limits.processes,
        .disk_bytes = shape->limits.disk_bytes,
        .warm = shape->warm,
        .parked = true,
    };
    slot->park.stands = true;
    slot_enter(slot, SLOT_PARKING, SLOT_BEGIN_LIMIT_MS);
    if (!sandbox_task_begin(slot->sandbox, &task, &slot->err))
        slot_break_down(slot);
}

static bool start_process(struct slot *slot)
{
    struct slot_park *park = &slot->park;
    struct slot_step_start start = {.index = 0, .parked = true};

    plan_free(&park->plan);
    park->task = (struct task){.runtime = park->shape.runtime, .limits = park->shape.limits};
    park->task.test_suite_code = (struct blob){.data = "", .size = 0};
    return plan_init(&park->plan, &park->task, &slot->err) &&
           slot_step_start(&slot->step, slot->sandbox, &park->plan, &start, &slot->err);
}

void slot_park_ready(struct slot *slot)
{
    struct slot_park *park = &slot->park;

    slot_enter(slot, SLOT_PARKED, 0);
    park->process = park->alike >= ALIKE_MIN && park->shape.cold_suite && park->shape.runtime->park_suite;
    if (park->process && !start_process(slot))
        slot_break_down(slot);
}
