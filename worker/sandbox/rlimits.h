/* Limits of a step by setrlimit(2): of each process, and of the number of processes of the task's uid in its
 * user namespace. */
#ifndef ASSAY_WORKER_SANDBOX_RLIMITS_H
#define ASSAY_WORKER_SANDBOX_RLIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct rlimits {
    int64_t cpu_ms;              /* rounded up to seconds: SIGXCPU, a second later SIGKILL */
    int64_t address_space_bytes; /* 0 = none */
    int64_t file_size_bytes;
    int64_t open_files;
    int64_t processes; /* 0 = none */
};

/* On this process and those it starts. A limit above the hard limit that was inherited becomes that one. */
bool rlimits_apply(const struct rlimits *limits, struct err *err);
/* The stack's alone, which is every step's: a process lays out its memory, and its threads' stacks, by the
 * one that it finds when it starts. */
bool rlimits_apply_stack(struct err *err);

#endif
