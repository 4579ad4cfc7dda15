#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "worker/sandbox/cgroup_internal.h"
#include "worker/sandbox/mechanisms.h"

/* What v1 says instead of "no limit" is about 2^63, rounded down to a page. */
#define NO_LIMIT ((int64_t)1 << 60)

/* 0 = none. */
static int64_t limit_in(const char *folder, const char *file)
{
    int64_t limit = cgroup_read_number(folder, file, NULL, 0);

    return limit < NO_LIMIT ? limit : 0;
}

static bool find_v1(struct cgroup *cgroup)
{
    bool found = false;

    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
        if (cgroup_find_own(cgroup_controller_names[i], cgroup->folders[i]))
            found = true;
        else
            cgroup->folders[i][0] = '\0';
    }
    if (found)
        cgroup->version = &cgroup_v1;
    return found;
}

static bool find_v2(struct cgroup *cgroup)
{
    if (!cgroup_find_own(NULL, cgroup->folders[0]))
        return false;
    for (size_t i = 1; i < CGROUP_CONTROLLERS; i++)
        memcpy(cgroup->folders[i], cgroup->folders[0], sizeof(cgroup->folders[i]));
    cgroup->version = &cgroup_v2;
    return true;
}

static void note_mechanisms(struct cgroup *cgroup)
{
    const char *memory = cgroup->folders[CGROUP_MEMORY], *pids = cgroup->folders[CGROUP_PIDS];
    bool is_v1 = cgroup->version == &cgroup_v1;
    int cpu_usage;

    errno = 0;
    cgroup->container_memory_bytes = limit_in(memory, is_v1 ? "memory.limit_in_bytes" : "memory.max");
    if (cgroup->container_memory_bytes > 0 &&
        cgroup_read_number(memory, is_v1 ? "memory.oom_control" : "memory.events", "oom_kill", -1) >= 0)
        cgroup->mechanisms |= MECHANISM_BIT(MECHANISM_CONTAINER_MEMORY);
    else
        cgroup_note_problem(cgroup, "the container has no memory limit (mem_limit)");
    if (limit_in(pids, "pids.max") > 0)
        cgroup->mechanisms |= MECHANISM_BIT(MECHANISM_CONTAINER_PIDS);
    cpu_usage = cgroup_cpu_usage(cgroup);
    if (cpu_usage >= 0)
        cgroup->mechanisms |= MECHANISM_BIT(MECHANISM_CONTAINER_CPU);
    else
        cgroup_note_problem(cgroup, "the container does not show its CPU time");
    close_fd(&cpu_usage);
}

int64_t cgroup_container_memory(const struct cgroup *cgroup)
{
    return cgroup->container_memory_bytes;
}

struct cgroup *cgroup_open_container(struct err *err)
{
    struct cgroup *cgroup = calloc(1, sizeof(*cgroup));

    if (cgroup == NULL) {
        err_set(err, ERR_NO_MEMORY, "look at the container's cgroup: out of memory");
        return NULL;
    }
    cgroup->peak = -1;
    cgroup_init_files(cgroup);
    cgroup->is_container = true;
    if (find_v1(cgroup) || find_v2(cgroup)) {
        note_mechanisms(cgroup);
    } else {
        errno = 0;
        cgroup_note_problem(cgroup, "no cgroup hierarchy is mounted");
    }
    return cgroup;
}
