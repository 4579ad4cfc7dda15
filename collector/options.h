/* The collector's command line. */
#ifndef ASSAY_COLLECTOR_OPTIONS_H
#define ASSAY_COLLECTOR_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

enum collector_command {
    COMMAND_RUN,
    COMMAND_MIGRATE,
    COMMAND_PRUNE,
    COMMAND_PRINT_CONFIG,
    COMMAND_VERSION,
    COMMAND_HELP,
};

struct collector_options {
    enum collector_command command;
    const char *config_file; /* NULL = none; borrowed from argv */
    int64_t older_than_days; /* 0 = not given */
    bool dry_run;
};

bool collector_options_parse(int argc, char **argv, struct collector_options *options, struct err *err);
void collector_options_print_help(void); /* on standard output */

#endif
