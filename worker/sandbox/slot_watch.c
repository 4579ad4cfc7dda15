/* CPU time of the whole task, and in a container its memory: what no limit of the kernel bounds. And whether
 * the step's server was stopped. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/sandbox/slot_init_internal.h"

#define CPU_WATCH_MS_MIN 5
#define CPU_WATCH_MS_MAX 1000

/* cgroup v1 has nanoseconds alone in cpuacct.usage, v2 "usage_usec N" first in cpu.stat. */
static int64_t cpu_usage_us(const struct slot_state *slot)
{
    char text[64];

    ssize_t size = pread(slot->cpu_usage, text, sizeof(text) - 1, 0);
    if (size <= 0)
        return 0;
    text[size] = '\0';
    if (strncmp(text, "usage_usec ", 11) == 0)
        return strtoll(text + 11, NULL, 10);
    return strtoll(text, NULL, 10) / 1000;
}

/* Kills a step whose processes together used up their time; says when to look again (poll's timeout). */
static int watch_cpu(struct slot_state *slot)
{
    struct running_task *task = &slot->task;
    struct wire_request request = {.version = WIRE_VERSION, .kind = WIRE_KILL};

    if (task->cpu_stop_us == 0 || task->cpu_exceeded)
        return -1;
    int64_t left_us = task->cpu_stop_us - cpu_usage_us(slot);
    if (left_us <= 0) {
        task->cpu_exceeded = true;
        (void)wire_send(task->socket, &request, sizeof(request), NULL, 0, NULL);
        return -1;
    }
    int64_t soonest_ms = left_us / 1000 / (slot->processors > 0 ? slot->processors : 1) + 1;
    if (soonest_ms < CPU_WATCH_MS_MIN)
        return CPU_WATCH_MS_MIN;
    return soonest_ms > CPU_WATCH_MS_MAX ? CPU_WATCH_MS_MAX : (int)soonest_ms;
}

/* The same for the memory of a task in a container. */
static int watch_memory(struct slot_state *slot)
{
    struct wire_request request = {.version = WIRE_VERSION, .kind = WIRE_KILL};

    if (slot->memory.stat < 0 || slot->memory.exceeded)
        return -1;
    if (!memory_watch_look(&slot->memory))
        return MEMORY_WATCH_MS;
    (void)wire_send(slot->task.socket, &request, sizeof(request), NULL, 0, NULL);
    return -1;
}

static int sooner(int a_ms, int b_ms)
{
    return a_ms < 0 || (b_ms >= 0 && b_ms < a_ms) ? b_ms : a_ms;
}

int slot_watch(struct slot_state *slot)
{
    if (!slot->task.in_step || slot->task.parked)
        return -1;
    int server_ms = servers_watch(&slot->servers, slot->task.server);
    return sooner(server_ms, sooner(watch_cpu(slot), watch_memory(slot)));
}

void slot_watch_step(struct slot_state *slot, const struct wire_request *request)
{
    slot->task.in_step = true;
    slot->task.server = request->server;
    slot->task.cpu_ms = request->cpu_ms;
    slot->task.cpu_exceeded = slot->memory.exceeded = false;
    slot_watch_time(slot);
    slot->task.parked = request->parked != 0;
}

void slot_watch_time(struct slot_state *slot)
{
    struct running_task *task = &slot->task;

    task->parked = false;
    task->cpu_stop_us = 0;
    if (slot->cpu_usage >= 0 && task->cpu_ms > 0)
        task->cpu_stop_us = cpu_usage_us(slot) + task->cpu_ms * 1000;
}
