/*
 * The cgroup of a slot: one leaf that holds the slot init and, by inheritance, everything that it starts. Its
 * limits are rewritten for each task and its counters read for each step, because moving a process costs
 * milliseconds and rewriting a file microseconds. Runs in the worker; the sandboxed side never sees it.
 *
 * Where the leaf is made: below the worker's own cgroup, so that limits set on the worker hold for its tasks
 * as well. cgroup v1 (cgroups(7)): in each hierarchy of memory, pids, cpu and cpuacct. cgroup v2
 * (Documentation/admin-guide/cgroup-v2.rst): processes may only be in leaves, so the worker moves itself into
 * a child `assay-worker` of a cgroup that was delegated to it.
 */
#ifndef ASSAY_WORKER_SANDBOX_CGROUP_H
#define ASSAY_WORKER_SANDBOX_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

struct cgroup;

struct cgroup_limits {
    int64_t memory_bytes; /* also of memory and swap together; 0 = none */
    int64_t processes;    /* processes and threads; 0 = none */
    int64_t cpu_permille; /* of one CPU: 2000 = two CPUs; 0 = none */
};

struct cgroup_counters {
    int64_t cpu_us;
    int64_t memory_bytes;      /* now */
    int64_t peak_memory_bytes; /* since cgroup_reset_peak; 0 = not measured */
    int64_t oom_kills;         /* of the leaf's processes, whoever's memory ran out */
    int64_t process_denials;
};

/* Makes the leaf `name` with every controller that can be had; never fails for want of one: cgroup_mechanisms
 * tells which are there, cgroup_problem why another is not. NULL only without memory. */
struct cgroup *cgroup_open(const char *name, struct err *err);
/* No leaf, but the container's own cgroup, as the container runtime made and limited it: read, never written.
 * In a container that runs one slot its counters are the slot's, and the worker's small ones. Bits:
 * MECHANISM_CONTAINER_MEMORY where its memory has a limit and OOM kills are counted, ... */
struct cgroup *cgroup_open_container(struct err *err);
/* Removes the leaf, which must be empty of processes. NULL is fine. */
void cgroup_close(struct cgroup *cgroup);
/* Bits of enum mechanism: MECHANISM_CGROUP_V1_MEMORY, ... */
uint64_t cgroup_mechanisms(const struct cgroup *cgroup);
/* Why a controller is missing: "" when none is. */
const char *cgroup_problem(const struct cgroup *cgroup);
/* Moves a process into the leaf (all its hierarchies). */
bool cgroup_add(const struct cgroup *cgroup, pid_t pid, struct err *err);
/* Writes nothing when these limits are in force already. */
bool cgroup_limit(struct cgroup *cgroup, const struct cgroup_limits *limits, struct err *err);
void cgroup_reset_peak(struct cgroup *cgroup);
void cgroup_read(struct cgroup *cgroup, struct cgroup_counters *counters);
/* A read-only descriptor of the file that counts CPU time (cpuacct.usage, cpu.stat), the caller's; -1 when
 * there is none. */
int cgroup_cpu_usage(const struct cgroup *cgroup);
/* The memory limit of the container (cgroup_open_container); 0 = none, or no container. */
int64_t cgroup_container_memory(const struct cgroup *cgroup);
/* As cgroup_cpu_usage, of memory.stat. */
int cgroup_memory_stat(const struct cgroup *cgroup);

#endif
