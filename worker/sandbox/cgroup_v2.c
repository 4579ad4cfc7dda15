#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "worker/sandbox/cgroup_internal.h"
#include "worker/sandbox/mechanisms.h"

#define CPU_PERIOD_US 100000
#define WORKER_LEAF   "/assay-worker" /* where the worker itself moves to */

/* Controllers can be given to children only by a cgroup without processes of its own. */
static void leave_for_a_leaf(struct cgroup *cgroup, const char *own)
{
    char leaf[PATH_MAX];

    if ((size_t)snprintf(leaf, sizeof(leaf), "%s%s", own, WORKER_LEAF) >= sizeof(leaf))
        return;
    if ((mkdir(leaf, 0755) != 0 && errno != EEXIST) || !cgroup_write(leaf, "cgroup.procs", "0"))
        cgroup_note_problem(cgroup,
                            "move the worker into the cgroup %s (it needs a delegated cgroup of its own: "
                            "systemd's Delegate=yes)",
                            leaf);
}

static bool enable(struct cgroup *cgroup, const char *own, const char *controller)
{
    char request[64];

    (void)snprintf(request, sizeof(request), "+%s", controller);
    if (cgroup_write(own, "cgroup.subtree_control", request))
        return true;
    cgroup_note_problem(
        cgroup,
        "enable %s for children of the cgroup %s (it must be delegated to the worker, and hold "
        "no other process)",
        controller, own);
    return false;
}

static void open_peak(struct cgroup *cgroup, const char *leaf)
{
    char path[PATH_MAX + 32];

    (void)snprintf(path, sizeof(path), "%s/memory.peak", leaf);
    cgroup->peak = open(path, O_RDWR | O_CLOEXEC);
}

bool cgroup_v2_make(struct cgroup *cgroup, const char *name)
{
    static const struct {
        enum cgroup_controller controller;
        enum mechanism mechanism;
    } wanted[] = {{CGROUP_MEMORY, MECHANISM_CGROUP_V2_MEMORY},
                  {CGROUP_PIDS, MECHANISM_CGROUP_V2_PIDS},
                  {CGROUP_CPU, MECHANISM_CGROUP_V2_CPU}};
    char own[PATH_MAX], leaf[PATH_MAX];

    if (!cgroup_find_own(NULL, own))
        return false;
    cgroup->version = &cgroup_v2;
    size_t size = strlen(own), suffix = strlen(WORKER_LEAF);
    if (size > suffix && strcmp(own + size - suffix, WORKER_LEAF) == 0)
        own[size - suffix] = '\0'; /* an earlier slot has moved this worker */
    else
        leave_for_a_leaf(cgroup, own);
    if (!cgroup_make_leaf(own, name, leaf)) {
        cgroup_note_problem(cgroup, "make the cgroup %s", leaf);
        return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        if (!enable(cgroup, own, cgroup_controller_names[wanted[i].controller]))
            continue;
        (void)snprintf(cgroup->folders[wanted[i].controller], PATH_MAX, "%s", leaf);
        cgroup->mechanisms |= MECHANISM_BIT(wanted[i].mechanism);
    }
    (void)snprintf(cgroup->folders[CGROUP_CPUACCT], PATH_MAX, "%s", cgroup->folders[CGROUP_CPU]);
    if (cgroup->mechanisms == 0)
        (void)rmdir(leaf);
    else
        open_peak(cgroup, leaf);
    return true;
}

static bool write_limit(const char *folder, const char *file, int64_t value)
{
    return value > 0 ? cgroup_write_number(folder, file, value) : cgroup_write(folder, file, "max");
}

static bool limit(const struct cgroup *cgroup, const struct cgroup_limits *limits, struct err *err)
{
    const char *memory = cgroup->folders[CGROUP_MEMORY], *pids = cgroup->folders[CGROUP_PIDS];
    const char *cpu = cgroup->folders[CGROUP_CPU];
    char quota[64];

    if (memory[0] != '\0' && !write_limit(memory, "memory.max", limits->memory_bytes))
        return err_set_errno(err, ERR_INFRA, "cgroup_memory: limit %s", memory);
    if (memory[0] != '\0' && !cgroup_write(memory, "memory.swap.max", "0") && errno != ENOENT)
        return err_set_errno(err, ERR_INFRA, "cgroup_memory: forbid swap in %s", memory);
    if (pids[0] != '\0' && !write_limit(pids, "pids.max", limits->processes))
        return err_set_errno(err, ERR_INFRA, "cgroup_pids: limit %s", pids);
    if (limits->cpu_permille > 0)
        (void)snprintf(quota, sizeof(quota), "%lld %d",
                       (long long)(limits->cpu_permille * CPU_PERIOD_US / 1000), CPU_PERIOD_US);
    else
        (void)snprintf(quota, sizeof(quota), "max %d", CPU_PERIOD_US);
    if (cpu[0] != '\0' && !cgroup_write(cpu, "cpu.max", quota))
        return err_set_errno(err, ERR_INFRA, "cgroup_cpu: limit %s", cpu);
    return true;
}

static void reset_peak(struct cgroup *cgroup)
{
    if (cgroup->folders[CGROUP_MEMORY][0] == '\0')
        return;
    /* Linux 6.12 counts anew for a descriptor that was written to; before, only the all-time peak is known,
     * and a task that stays below it goes unmeasured. */
    if (cgroup->peak >= 0 && pwrite(cgroup->peak, "0", 1, 0) == 1)
        cgroup->peak_before = 0;
    else
        cgroup->peak_before = cgroup_read_number(cgroup->folders[CGROUP_MEMORY], "memory.peak", NULL, 0);
}

static int64_t peak_since_reset(const struct cgroup *cgroup)
{
    char text[32] = "";

    if (cgroup->peak_before == 0 && cgroup->peak >= 0) {
        ssize_t size = pread(cgroup->peak, text, sizeof(text) - 1, 0);
        return size > 0 ? strtoll(text, NULL, 10) : 0;
    }
    int64_t peak = cgroup_read_number(cgroup->folders[CGROUP_MEMORY], "memory.peak", NULL, 0);
    return peak > cgroup->peak_before ? peak : 0;
}

static void read_counters(struct cgroup *cgroup, struct cgroup_counters *counters)
{
    const char *memory = cgroup->folders[CGROUP_MEMORY], *pids = cgroup->folders[CGROUP_PIDS];
    const char *cpu = cgroup->folders[CGROUP_CPU];

    if (cpu[0] != '\0')
        counters->cpu_us = cgroup_count(cgroup, CGROUP_FILE_CPU, cpu, "cpu.stat", "usage_usec", 0);
    if (memory[0] != '\0') {
        counters->memory_bytes = cgroup_count(cgroup, CGROUP_FILE_MEMORY, memory, "memory.current", NULL, 0);
        counters->peak_memory_bytes = peak_since_reset(cgroup);
        counters->oom_kills = cgroup_count(cgroup, CGROUP_FILE_OOM, memory, "memory.events", "oom_kill", 0);
    }
    if (pids[0] != '\0')
        counters->process_denials = cgroup_count(cgroup, CGROUP_FILE_DENIALS, pids, "pids.events", "max", 0);
}

const struct cgroup_version cgroup_v2 = {limit, reset_peak, read_counters, "cpu.stat"};
