/*
 * Which earlier build stands for this one: the key of what a compile step makes is a digest of all that can
 * reach it: the commands of this step and those before it, their environment, the compiler's identity, and,
 * where one of them reads the task, its files by name and content, its limits, and its job. Pure.
 */
#ifndef ASSAY_WORKER_BUILD_KEY_H
#define ASSAY_WORKER_BUILD_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/message/task.h"
#include "worker/build_cache.h"
#include "worker/plan.h"

/* The job of self-tests, each of whose steps runs. */
#define BUILD_SELF_TEST_JOB "self-test"

/* Of the last of `step_count` compile steps, all that run before and with it, and the files that lie in the
 * workspace then; `compiler` is any text that changes with the compiler. False: what it makes is for this
 * task alone, because its text says that it may differ from one time to the next (the time of day, files of
 * /proc or /dev), because its files are larger than 1 MiB, because it is a self-test, or without memory. */
bool build_key_make(const struct task *task, const struct plan_step *steps, size_t step_count,
                    const struct sandbox_file *files, size_t file_count, const struct buf *compiler,
                    struct build_key *key);

#endif
