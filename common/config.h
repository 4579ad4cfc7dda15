/*
 * Configuration from one table a program: key, type, bounds, default, environment variable, secret,
 * documentation. The sample file, --help and the checks all come from the table. Order of precedence: command
 * line (the caller), environment, file, default. Unknown keys, wrong types and values out of bounds are
 * errors that name file and line (or the environment variable), the rule and the allowed values.
 *
 * Files are libconfig; a key "broker.heartbeat_s" is the setting heartbeat_s in the group broker.
 * Environment: ASSAY_ + the key in upper case with '.' as '_' (broker.heartbeat_s: ASSAY_BROKER_HEARTBEAT_S),
 * or the name in `environment`. A secret also has NAME_FILE, the path of a file whose content (without the
 * final newline) is the value.
 */
#ifndef ASSAY_COMMON_CONFIG_H
#define ASSAY_COMMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/buf.h"
#include "common/err.h"

enum config_type {
    CONFIG_STRING,      /* char *, malloc'ed, never NULL ("" when empty) */
    CONFIG_INTEGER,     /* int64_t, within [minimum, maximum] */
    CONFIG_BOOL,        /* bool */
    CONFIG_STRING_LIST, /* struct config_list; in the file an array or list, in the environment
                           comma-separated */
    CONFIG_CHOICE,      /* char *, one of the |-separated `choices` */
};

struct config_list {
    char **items;
    size_t count;
};

struct config_key {
    const char *key;
    enum config_type type;
    size_t offset;            /* offsetof(struct my_config, member) */
    const char *default_text; /* NULL is "" */
    int64_t minimum, maximum;
    const char *choices;
    const char *environment; /* NULL: made from the key */
    bool secret;
    const char *documentation; /* one or two sentences, with the unit */
};

struct config_table {
    const struct config_key *keys;
    size_t count;
    const char *program;
};

/*
 * Fills `target` (zeroed by the caller) from defaults, `file` (NULL: none) and the environment.
 * On failure `target` holds nothing to free.
 */
bool config_load(const struct config_table *table, const char *file, void *target, struct err *err);
void config_free(const struct config_table *table, void *target);
/* Appends the name of the key's environment variable. */
void config_variable_name(const struct config_key *key, struct buf *out);
/* Every key with its default, commented: a file that config_load accepts as it is. */
void config_print_sample(const struct config_table *table, FILE *out);
/* The keys as a section of --help. */
void config_print_help(const struct config_table *table, FILE *out);

#endif
