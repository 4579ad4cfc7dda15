/*
 * Walking a libconfig file (the only file that includes libconfig.h is config_file.c). config.c uses it for
 * the flat key tables of the programs, runtimes.c for the stanzas of runtimes.cfg.
 *
 * Nodes and the strings in them are borrowed: valid until config_file_close. Every error is ERR_CONFIG and
 * begins with "FILE:LINE: KEY: ", KEY being the dotted path of the setting.
 */
#ifndef ASSAY_COMMON_CONFIG_FILE_H
#define ASSAY_COMMON_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/config.h"
#include "common/err.h"

struct config_file;
struct config_node;

enum config_node_type {
    CONFIG_NODE_GROUP, /* { name = value; ... } */
    CONFIG_NODE_LIST,  /* ( ... ) and [ ... ] alike */
    CONFIG_NODE_STRING,
    CONFIG_NODE_INTEGER,
    CONFIG_NODE_FLOAT,
    CONFIG_NODE_BOOL,
};

/* Syntax errors name file and line. @include is relative to the file's folder. */
struct config_file *config_file_open(const char *path, struct err *err);
void config_file_close(struct config_file *file); /* NULL is fine */
/* The outermost group. */
const struct config_node *config_file_root(const struct config_file *file);

enum config_node_type config_node_type(const struct config_node *node);
/* The member's own name; NULL for the root and for elements of lists. */
const char *config_node_name(const struct config_node *node);
/* 1-based line of the setting. */
unsigned config_node_line(const struct config_node *node);
/* Members of a group or elements of a list, in file order; 0 for scalars. */
size_t config_node_count(const struct config_node *node);
const struct config_node *config_node_at(const struct config_node *node, size_t index);
/* NULL when the group has no such member (or `group` is no group). */
const struct config_node *config_node_member(const struct config_node *group, const char *name);

/* Values. The wrong type or a value out of bounds is an error that names what is allowed. */
bool config_node_string(const struct config_node *node, const char **value, struct err *err);
bool config_node_integer(const struct config_node *node, int64_t minimum, int64_t maximum, int64_t *value,
                         struct err *err);
/* Takes integers as well. */
bool config_node_float(const struct config_node *node, double minimum, double maximum, double *value,
                       struct err *err);
bool config_node_bool(const struct config_node *node, bool *value, struct err *err);
/* Copies a list or array of strings; config_list_free gives it back. */
bool config_node_strings(const struct config_node *node, struct config_list *list, struct err *err);
void config_list_free(struct config_list *list);

/* True when `node` has the type; else an error. For groups and lists that the caller walks itself. */
bool config_node_expect(const struct config_node *node, enum config_node_type type, struct err *err);
/* True when every member of `group` is one of `allowed` (NULL-terminated); else an error on the member's
 * line, with the allowed names. */
bool config_node_check_members(const struct config_node *group, const char *const *allowed, struct err *err);

/* Sets ERR_CONFIG "FILE:LINE: KEY: <text>"; returns false. */
bool config_node_error(const struct config_node *node, struct err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Appends the dotted path, e.g. "runtimes.python.limits.wall_s" or "stages[2].name". */
void config_node_path(const struct config_node *node, struct buf *out);

#endif
