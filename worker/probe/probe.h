/*
 * assay-probe: the program by which a worker attacks its own sandbox at start (worker/self_attack.h).
 *
 *   assay-probe MODE [key=value ...]
 *
 * runs the probes of one mode as a step in the sandbox and says on descriptor 3, the step's report, one line
 * for each: "NAME held ERRNO" when the kernel refused it, "NAME broken WHAT" when it got through. A probe
 * that says nothing counts as broken; the names are those of worker/probes.c. Some modes end by the limit
 * that they exceed: then the worker judges by the step's end. Nothing here does harm when it gets through.
 */
#ifndef ASSAY_WORKER_PROBE_PROBE_H
#define ASSAY_WORKER_PROBE_PROBE_H

#include <sys/types.h>

/* What is attacked outside; "" and 0 = nothing of the kind. */
struct target {
    pid_t worker;
    unsigned long long worker_started; /* starttime of proc(5): another process of this number has another */
    int tcp_port;                      /* of the worker's listener on 127.0.0.1 */
    const char *abstract;              /* name of the worker's abstract socket */
    const char *config;                /* the worker's configuration file */
    const char *canary;                /* a file of the worker's that everybody may read */
    long processes;                    /* the task's limits */
    long memory_mb, disk_mb, open_files, file_mb;
};

/* Both may be called several times for one probe: broken wins. */
void tell_held(const char *name, int error);
void tell_held_by(const char *name, const char *what);
void tell_broken(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* By the answer of a call that must not even begin: refused (EPERM, EACCES, ENOSYS, an unknown family) is
 * held, everything else broken, also an error that shows that the call got past all filters to its own
 * checks. */
void tell_refusal(const char *name, long result);

typedef void probe_fn(const struct target *target);
/* Runs it in a child, so that one that is killed takes no other with it. */
void in_child(const char *name, probe_fn *probe, const struct target *target);

void probe_network(const struct target *target);
void probe_filesystem(const struct target *target);
void probe_privilege(const struct target *target);

void probe_limits(const struct target *target); /* open files, file size, disk */
void probe_processes(const struct target *target);
void probe_cpu(const struct target *target);
void probe_memory(const struct target *target);
void probe_task_memory(const struct target *target);

void leave_traces(const struct target *target);
void find_traces(const struct target *target);
void linger(const struct target *target);

#endif
