/* The parts of task_parse: shared by the task*.c files alone. Errors as in task.h. */
#ifndef ASSAY_COMMON_MESSAGE_TASK_PARTS_H
#define ASSAY_COMMON_MESSAGE_TASK_PARTS_H

#include "common/message/reader.h"
#include "common/message/task.h"

/* Zeroed memory that lives as long as the task; NULL with ERR_NO_MEMORY. */
void *task_allocate(struct task *task, size_t count, size_t size, struct err *err);

/* limits, timeout, profile. Needs task->runtime. */
bool task_read_limits(const struct reader *root, struct task *task, struct err *err);
/* cases. */
bool task_read_cases(const struct reader *root, struct task *task, struct err *err);
/* files, test_files; checks paths against each other and against the runtime's files. Needs runtime, limits,
 * implementation_code and test_suite_code. */
bool task_read_files(const struct reader *root, struct task *task, struct err *err);

#endif
