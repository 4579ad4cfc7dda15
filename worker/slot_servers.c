#include "worker/slot_servers.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "worker/plan.h"
#include "worker/sandbox/warm.h"

/* Below this there would be room for the interpreter in a cold start alone, or for nothing at all; either way
 * the verdict is the cold start's. */
#define ROOM_BYTES ((int64_t)64 << 20)

static bool is_served(const struct runtime *runtime, const struct config_list *served)
{
    for (size_t i = 0; served != NULL && i < served->count; i++)
        if (strcmp(served->items[i], runtime->name) == 0)
            return true;
    return served == NULL || served->count == 0;
}

/* Preloaded, the library holds an interpreter where it opens its program. */
static const char **preloading(char **environment)
{
    size_t count = 0;

    while (environment[count] != NULL)
        count++;
    const char **made = calloc(count + 2, sizeof(*made));
    if (made == NULL)
        return NULL;
    memcpy(made, environment, count * sizeof(*made));
    made[count] = "LD_PRELOAD=" WARM_LIBRARY_PATH;
    return made;
}

static bool add(struct slot_servers *servers, const struct runtime *runtime, bool cases, bool at_once,
                struct err *err)
{
    if (servers->count == SANDBOX_SERVERS_MAX)
        return true;
    char **argv = plan_server_argv(runtime, cases ? STEP_CASE : STEP_SUITE);
    const char *const *environment =
        cases ? preloading(runtime->environment) : (const char *const *)runtime->environment;
    servers->runtimes[servers->count] = runtime;
    servers->cases[servers->count] = cases;
    servers->items[servers->count++] = (struct sandbox_server){
        .argv = (const char *const *)argv, .environment = environment, .on_demand = cases && !at_once};
    return (argv != NULL && environment != NULL) ||
           err_set(err, ERR_NO_MEMORY, "no memory for the command of a warm server");
}

bool slot_servers_init(struct slot_servers *servers, const struct runtimes *runtimes,
                       const struct warm_options *options, struct err *err)
{
    *servers = (struct slot_servers){.count = 0};
    for (size_t i = 0; options->enabled && i < runtimes->count; i++) {
        const struct runtime *runtime = &runtimes->items[i];
        if (!is_served(runtime, options->runtimes))
            continue;
        if ((runtime->warm_suite.argc > 0 && !add(servers, runtime, false, options->at_once, err)) ||
            (runtime->warm_case && !add(servers, runtime, true, options->at_once, err)))
            return false;
    }
    return true;
}

void slot_servers_free(struct slot_servers *servers)
{
    for (size_t i = 0; i < servers->count; i++) {
        free((void *)(uintptr_t)servers->items[i].argv);
        if (servers->cases[i])
            free((void *)(uintptr_t)servers->items[i].environment);
    }
    servers->count = 0;
}

void slot_servers_request(const struct slot_servers *servers, const struct warm_options *options,
                          struct sandbox_options *sandbox_options)
{
    sandbox_options->servers = servers->items;
    sandbox_options->server_count = servers->count;
    sandbox_options->server_tasks_max = options->tasks_max;
    sandbox_options->server_growth_bytes = options->growth_bytes;
}

static bool has_room(const struct task *task, const struct sandbox_server_state *state)
{
    return !task->runtime->address_space_limit ||
           task->limits.memory_bytes >= state->address_bytes + ROOM_BYTES;
}

unsigned slot_servers_for(const struct slot_servers *servers, const struct sandbox *sandbox,
                          const struct plan *plan, const struct plan_step *step)
{
    if (step->kind == STEP_COMPILE || (step->kind == STEP_SUITE && plan->task->coverage))
        return 0;
    for (unsigned number = 1; number <= servers->count; number++) {
        const struct sandbox_server_state *state = sandbox_server_state(sandbox, number);
        if (servers->runtimes[number - 1] == plan->task->runtime &&
            servers->cases[number - 1] == (step->kind == STEP_CASE) && state != NULL &&
            (state->serves || state->starts == 0) && has_room(plan->task, state))
            return number;
    }
    return 0;
}

const char *slot_servers_steps(const struct slot_servers *servers, unsigned number)
{
    return servers->cases[number - 1] ? "cases" : "suites";
}

void slot_servers_log(const struct slot_servers *servers, const struct sandbox *sandbox, unsigned slot,
                      unsigned number)
{
    const struct sandbox_server_state *state = sandbox_server_state(sandbox, number);

    if (state == NULL || !state->asked || number > servers->count)
        return;
    const char *name = servers->runtimes[number - 1]->name, *steps = slot_servers_steps(servers, number);
    if (state->serves)
        log_debug("slot %u: the warm server of %s serves %s: %lld ms, %lld MB: %s", slot, name, steps,
                  (long long)state->start_ms, (long long)(state->memory_bytes >> 20), state->text);
    else
        log_warn("slot %u: the warm server of %s does not serve, its %s start cold: %s", slot, name, steps,
                 state->text);
}
