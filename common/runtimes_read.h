/*
 * Reading runtimes.cfg: shared by the runtimes*.c files alone. Errors are ERR_CONFIG with file, line and key
 * (config_file.h). What is read is owned by the runtime, also after a failure: runtimes_free gives it back.
 */
#ifndef ASSAY_COMMON_RUNTIMES_READ_H
#define ASSAY_COMMON_RUNTIMES_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "common/config_file.h"
#include "common/err.h"
#include "common/runtimes.h"

bool runtimes_out_of_memory(struct err *err);

/* runtimes_stanza.c. `runtime` is zeroed by the caller; the limits are those at the top of the file. */
bool runtimes_read_stanza(const struct config_node *stanza, const struct limits *defaults,
                          const struct limits *maximum, struct runtime *runtime, struct err *err);
/* runtimes_self_test.c. Makes runtime->self_test, a task as JSON text, from the group self_test. */
bool runtimes_read_self_test(const struct config_node *stanza, struct runtime *runtime, struct err *err);

/* runtimes_values.c. A key that `group` does not have leaves the value as it is (lists: an empty one). */
bool runtimes_read_limits(const struct config_node *group, struct limits *limits, struct err *err);
bool runtimes_settle_limits(const struct config_node *stanza, struct runtime *runtime, struct err *err);
bool runtimes_read_string(const struct config_node *group, const char *name, char **value, struct err *err);
bool runtimes_read_strings(const struct config_node *group, const char *name, char ***out, struct err *err);
void runtimes_free_strings(char **items);

/* Each kind has those of the kinds before it too. */
enum placeholders {
    PLACEHOLDERS_ALWAYS,     /* {program}, {harness} */
    PLACEHOLDERS_SUITE,      /* {suite} */
    PLACEHOLDERS_TEST_FILES, /* {test_files}, a word of its own */
};

bool runtimes_read_command(const struct config_node *group, const char *name, enum placeholders allowed,
                           struct command *command, struct err *err);
bool runtimes_read_steps(const struct config_node *stanza, const char *name, bool with_suite,
                         struct compile_step **steps, size_t *count, struct err *err);
bool runtimes_check_pattern(const struct config_node *group, const char *name, const char *pattern,
                            struct err *err);

#endif
