/*
 * Building JSON messages, for the message modules alone: members are put one by one, a failure (no memory) is
 * remembered and shows in the buffer that the message is written to.
 */
#ifndef ASSAY_COMMON_MESSAGE_WRITER_H
#define ASSAY_COMMON_MESSAGE_WRITER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

struct writer {
    json_t *root;
    bool failed;
};

void writer_start(struct writer *writer);
/* Takes over `value`; NULL is a failure. */
void writer_put(struct writer *writer, const char *name, json_t *value);
void writer_put_integer(struct writer *writer, const char *name, int64_t value);
/* null when `present` is false. */
void writer_put_optional(struct writer *writer, const char *name, bool present, int64_t value);
void writer_put_bool(struct writer *writer, const char *name, bool value);
/* `text` NULL becomes null. */
void writer_put_text(struct writer *writer, const char *name, const char *text);
/* RFC 3339; 0 becomes null. */
void writer_put_time(struct writer *writer, const char *name, int64_t unix_ms);
/* A borrowed value; NULL becomes `otherwise`, which is taken over. */
void writer_put_shared(struct writer *writer, const char *name, json_t *value, json_t *otherwise);
/* Writes the message as one line of compact JSON and frees it. */
void writer_finish(struct writer *writer, struct buf *out);

/* A JSON string of text that may hold what PostgreSQL cannot: that is replaced (text_append_clean). */
json_t *writer_string(const char *text);

#endif
