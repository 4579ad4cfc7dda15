/* The sub-commands. Each file command_NAME.c holds one: its options, its help, and what it does. */
#ifndef ASSAY_PRODUCER_COMMANDS_H
#define ASSAY_PRODUCER_COMMANDS_H

#include "producer/options.h"

extern const struct subcommand command_publish;
extern const struct subcommand command_run;
extern const struct subcommand command_pending;
extern const struct subcommand command_status;
extern const struct subcommand command_results;
extern const struct subcommand command_show;
extern const struct subcommand command_rerun;
extern const struct subcommand command_cancel;
extern const struct subcommand command_dead;

#endif
