/* Building the result of a task from its steps; for slot.c. Pure but for allocation. */
#ifndef ASSAY_WORKER_SLOT_RESULT_H
#define ASSAY_WORKER_SLOT_RESULT_H

#include "common/message/result.h"
#include "common/message/task.h"
#include "worker/slot_step.h"

/* A result with the task's identity and labels; NULL without memory. */
struct result *slot_result_new(const struct task *task, const char *const *mechanisms);
/* Sums over the steps of a task, kept fine so that thousands of short cases add up right. */
struct slot_usage {
    int64_t compile_us, run_us, cpu_us;
};
/* What a result names beside the mechanisms of its sandbox when a case or its suite ran in a fork of a warm
 * server. */
#define RESULT_WARM "warm_server"
/* ... and when that fork did without the framework. */
#define RESULT_FAST "fast_path"
/* What the harness made of the suite came from an earlier task. */
#define RESULT_KEPT "kept_suite"
/* The sandbox was made before the task came, or its suite's process as well. */
#define RESULT_PARKED         "parked"
#define RESULT_PARKED_PROCESS "parked_process"
/* Once, however often it is called. */
void slot_result_mark(struct result *result, const char *mark);
/* Adds time, CPU and memory of a step. */
void slot_result_add_usage(struct result *result, struct slot_usage *usage, enum step_kind kind,
                           const struct sandbox_event *event);
/* Output and exit status of the step that people will want to see; replaces those of an earlier one. */
void slot_result_set_output(struct result *result, struct slot_step *step, const struct sandbox_event *event);
/* Does the task fit into its own limits before anything runs? Otherwise false, with the text of a bad_task.
 */
bool slot_result_task_fits(const struct task *task, const struct sandbox_file *files, size_t count,
                           struct buf *text);

#endif
