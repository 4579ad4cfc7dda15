/*
 * The command line: one table a sub-command. getopt_long, --help and the checks all come from it.
 *
 * Every sub-command also takes --config FILE, --print-config, --help and --version.
 */
#ifndef ASSAY_PRODUCER_OPTIONS_H
#define ASSAY_PRODUCER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/err.h"

enum option_kind {
    OPTION_FLAG,    /* bool */
    OPTION_TEXT,    /* const char *, borrowed from argv; NULL when absent */
    OPTION_INTEGER, /* int64_t within [minimum, maximum] */
    OPTION_SECONDS, /* int64_t milliseconds; given in seconds, a fraction is allowed; bounds in milliseconds
                     */
    OPTION_CHOICE,  /* const char *, one of the |-separated `choices` */
    OPTION_LIST,    /* struct option_list: may be given several times */
};

#define OPTION_LIST_MAX 64
struct option_list {
    const char *items[OPTION_LIST_MAX]; /* borrowed from argv */
    size_t count;
};

struct option_entry {
    const char *name; /* without the dashes */
    enum option_kind kind;
    size_t offset;        /* offsetof(struct my_options, member) */
    const char *argument; /* "FILE"; NULL for flags */
    int64_t minimum, maximum;
    const char *choices;
    const char *default_text; /* NULL: zero, false, NULL */
    const char *help;
};

struct producer_config;

struct subcommand_context {
    const struct producer_config *config;
    char **operands; /* what is left of the command line */
    int operand_count;
};

/* Returns the exit status. With `err` set, main prints it in front of the end. */
typedef int subcommand_run_fn(const struct subcommand_context *context, const void *options, struct err *err);

struct subcommand {
    const char *name;
    const char *operands; /* "FILE.jsonl|-" */
    int operands_min, operands_max;
    const char *summary; /* one line */
    const char *details; /* the rest of --help, ends with a newline */
    const struct option_entry *options;
    size_t option_count;
    size_t options_size; /* sizeof(struct my_options) */
    subcommand_run_fn *run;
};

struct common_options {
    const char *config_file;
    bool print_config, help, version;
};

/*
 * Fills `options` (options_size bytes, zeroed by the caller) and `common`, both with pointers into argv, and
 * leaves the operands behind `*first_operand`. ERR_USAGE names the option, the rule and the remedy. With
 * common->help, print_config or version set the operands are not counted.
 */
bool options_parse(const struct subcommand *command, int argc, char **argv, void *options,
                   struct common_options *common, int *first_operand, struct err *err);
void options_print_help(const struct subcommand *command, FILE *out);

#endif
