/* The worker's command line. */
#ifndef ASSAY_WORKER_OPTIONS_H
#define ASSAY_WORKER_OPTIONS_H

#include <stdbool.h>

#include "common/err.h"
#include "worker/config.h"

enum worker_mode {
    MODE_SERVE, /* consume tasks from the broker */
    MODE_CHECK,
    MODE_LOCAL,
    MODE_PRINT_CONFIG,
    MODE_VERSION,
    MODE_HELP,
};

struct worker_command_line {
    enum worker_mode mode;
    const char *config_file; /* NULL = none; as all strings, borrowed from argv */
    const char *local_file;  /* MODE_LOCAL; "-" = standard input */
    bool json;               /* MODE_CHECK: --format json */
    struct worker_overrides overrides;
};

bool options_parse(int argc, char **argv, struct worker_command_line *command_line, struct err *err);
void options_print_help(void); /* on standard output */

#endif
