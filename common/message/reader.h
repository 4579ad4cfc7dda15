/*
 * Strict reading of JSON objects, for the message modules alone (the only ones that include jansson). Each
 * function names the field, the rule and what was found in an ERR_INPUT; a field that is absent is no error
 * and leaves the value as it is. Pure.
 */
#ifndef ASSAY_COMMON_MESSAGE_READER_H
#define ASSAY_COMMON_MESSAGE_READER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/message/task.h"

#define READER_WHERE_SIZE 200

/* An object, and where it is in the message: "" or a prefix of its fields' names such as "cases[3].". */
struct reader {
    const json_t *object;
    char where[READER_WHERE_SIZE];
};

/* The body as one object: within MESSAGE_SIZE_MAX, UTF-8, no duplicate keys, nothing behind it. A new
 * reference, or NULL with an error. \u0000 inside strings is let through; reader_text refuses it by name. */
json_t *reader_load(const char *body, size_t size, struct err *err);
/* The same for an object as good as it can be had (duplicate keys: the last one counts); NULL without error.
 */
json_t *reader_load_leniently(const char *body, size_t size);

void reader_start(struct reader *reader, const json_t *root);
/* The object `name` inside `outer` (`value`, already taken from it); false when it is none. */
bool reader_enter(struct reader *reader, const struct reader *outer, const char *name, const json_t *value,
                  struct err *err);

/* True when each field of the object is one of `known` (NULL-terminated); else an error that suggests the
 * nearest. */
bool reader_check_fields(const struct reader *reader, const char *const *known, struct err *err);
/* NULL when the object does not have it. */
const json_t *reader_get(const struct reader *reader, const char *name);

/* Text without NUL. */
bool reader_text(const struct reader *reader, const char *name, struct blob *text, struct err *err);
/* The same as a C string into the object; NULL stays when absent. */
bool reader_string(const struct reader *reader, const char *name, const char **text, struct err *err);
/* task_id's alphabet (text_is_id), copied to `id` (TEXT_ID_MAX + 1). */
bool reader_id(const struct reader *reader, const char *name, char *id, struct err *err);
/* A whole number, also when it is written with a fraction of zero. `*present` may be NULL. */
bool reader_integer(const struct reader *reader, const char *name, int64_t minimum, int64_t maximum,
                    bool *present, int64_t *value, struct err *err);
bool reader_number(const struct reader *reader, const char *name, bool *present, double *value,
                   struct err *err);
bool reader_bool(const struct reader *reader, const char *name, bool *value, struct err *err);
/* NULL stays when absent; an error when it is not an array (object) or longer than `most`. */
bool reader_array(const struct reader *reader, const char *name, size_t most, const json_t **array,
                  struct err *err);
bool reader_object(const struct reader *reader, const char *name, size_t most, const json_t **object,
                   struct err *err);

/* `value` as text without NUL; `name` is what the error calls it, behind reader->where. */
bool reader_text_value(const struct reader *reader, const char *name, const json_t *value, struct blob *text,
                       struct err *err);
/* Sets ERR_INPUT "<where><name> <text>"; returns false. */
bool reader_error(const struct reader *reader, const char *name, struct err *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* "a string", "a number", ...: for errors. */
const char *reader_type_name(const json_t *value);
#define READER_QUOTE_SIZE 68
/* Outside text for an error message: one line, bounded, cut at a character's border. Returns `out`. */
const char *reader_quote(const char *text, size_t size, char out[READER_QUOTE_SIZE]);
/* Of `known` (NULL-terminated) the one that `name` most probably means, or NULL. */
const char *reader_suggest(const char *name, const char *const *known);

#endif
