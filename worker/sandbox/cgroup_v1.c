#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "common/mem.h"
#include "worker/sandbox/cgroup_internal.h"
#include "worker/sandbox/mechanisms.h"

#define CPU_PERIOD_US 100000

bool cgroup_v1_make(struct cgroup *cgroup, const char *name)
{
    char own[PATH_MAX], leaf[PATH_MAX];
    bool mounted = false;

    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
        if (!cgroup_find_own(cgroup_controller_names[i], own))
            continue;
        mounted = true;
        if (cgroup_make_leaf(own, name, leaf) && access(leaf, W_OK) == 0)
            (void)snprintf(cgroup->folders[i], PATH_MAX, "%s", leaf);
        else
            cgroup_note_problem(cgroup, "make the cgroup %s/%s", own, name);
    }
    if (!mounted)
        return false;
    cgroup->version = &cgroup_v1;
    if (cgroup->folders[CGROUP_MEMORY][0] != '\0')
        cgroup->mechanisms |= MECHANISM_BIT(MECHANISM_CGROUP_V1_MEMORY);
    if (cgroup->folders[CGROUP_PIDS][0] != '\0')
        cgroup->mechanisms |= MECHANISM_BIT(MECHANISM_CGROUP_V1_PIDS);
    if (cgroup->folders[CGROUP_CPU][0] != '\0' && cgroup->folders[CGROUP_CPUACCT][0] != '\0')
        cgroup->mechanisms |= MECHANISM_BIT(MECHANISM_CGROUP_V1_CPU);
    errno = 0;
    cgroup_note_problem(cgroup, "not every one of memory, pids, cpu and cpuacct is mounted");
    return true;
}

/* The limit of memory and swap must never be below that of memory, whichever way it moves. */
static bool limit_memory(const char *folder, int64_t bytes)
{
    static const char with_swap[] = "memory.memsw.limit_in_bytes";

    bool has_swap_limit = cgroup_write_number(folder, with_swap, -1);
    if (!cgroup_write_number(folder, "memory.limit_in_bytes", bytes))
        return false;
    return !has_swap_limit || bytes < 0 || cgroup_write_number(folder, with_swap, bytes);
}

static bool limit(const struct cgroup *cgroup, const struct cgroup_limits *limits, struct err *err)
{
    const char *memory = cgroup->folders[CGROUP_MEMORY], *pids = cgroup->folders[CGROUP_PIDS];
    const char *cpu = cgroup->folders[CGROUP_CPU];
    int64_t quota_us = limits->cpu_permille > 0 ? limits->cpu_permille * CPU_PERIOD_US / 1000 : -1;

    if (memory[0] != '\0' && !limit_memory(memory, limits->memory_bytes > 0 ? limits->memory_bytes : -1))
        return err_set_errno(err, ERR_INFRA, "cgroup_memory: limit %s", memory);
    if (pids[0] != '\0' && !(limits->processes > 0 ? cgroup_write_number(pids, "pids.max", limits->processes)
                                                   : cgroup_write(pids, "pids.max", "max")))
        return err_set_errno(err, ERR_INFRA, "cgroup_pids: limit %s", pids);
    if (cpu[0] != '\0' && !cgroup_write_number(cpu, "cpu.cfs_quota_us", quota_us))
        return err_set_errno(err, ERR_INFRA, "cgroup_cpu: limit %s", cpu);
    return true;
}

static void reset_peak(struct cgroup *cgroup)
{
    const char *memory = cgroup->folders[CGROUP_MEMORY];

    if (memory[0] == '\0')
        return;
    (void)cgroup_write(memory, "memory.max_usage_in_bytes", "0");
    (void)cgroup_write(memory, "memory.memsw.max_usage_in_bytes", "0");
}

static void read_counters(struct cgroup *cgroup, struct cgroup_counters *counters)
{
    const char *memory = cgroup->folders[CGROUP_MEMORY], *pids = cgroup->folders[CGROUP_PIDS];
    const char *cpu = cgroup->folders[CGROUP_CPUACCT];

    if (cpu[0] != '\0')
        counters->cpu_us = cgroup_count(cgroup, CGROUP_FILE_CPU, cpu, "cpuacct.usage", NULL, 0) / 1000;
    if (memory[0] != '\0') {
        counters->memory_bytes =
            cgroup_count(cgroup, CGROUP_FILE_MEMORY, memory, "memory.usage_in_bytes", NULL, 0);
        int64_t peak = cgroup_count(cgroup, CGROUP_FILE_PEAK, memory, "memory.max_usage_in_bytes", NULL, 0);
        /* What was swapped out counts as well, where the machine tells. */
        counters->peak_memory_bytes = cgroup_count(cgroup, CGROUP_FILE_PEAK_SWAP, memory,
                                                   "memory.memsw.max_usage_in_bytes", NULL, peak);
        counters->oom_kills =
            cgroup_count(cgroup, CGROUP_FILE_OOM, memory, "memory.oom_control", "oom_kill", 0);
    }
    if (pids[0] != '\0')
        counters->process_denials = cgroup_count(cgroup, CGROUP_FILE_DENIALS, pids, "pids.events", "max", 0);
}

const struct cgroup_version cgroup_v1 = {limit, reset_peak, read_counters, "cpuacct.usage"};
