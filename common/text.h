/* Text that comes from outside: alphabets, UTF-8, bounds, redaction. Pure. */
#ifndef ASSAY_COMMON_TEXT_H
#define ASSAY_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

#define TEXT_ID_MAX 128

/* 1 to 128 of A-Za-z0-9._:/- : task_id, job_id. */
bool text_is_id(const char *text, size_t size);
/* False, and the offset of the first bad byte, when `data` is not UTF-8 (RFC 3629: no overlongs, no
 * surrogates). NUL is fine. */
bool text_is_utf8(const char *data, size_t size, size_t *bad_offset);
/* Appends `data` with NUL and invalid sequences replaced by U+FFFD: what PostgreSQL's text and jsonb can
 * hold. */
void text_append_clean(struct buf *out, const char *data, size_t size);
/* Appends `data` as a JSON string literal with its quotes (RFC 8259); cleaned as above, NUL apart (\u0000
 * stays out too: it becomes U+FFFD). */
void text_append_json(struct buf *out, const char *data, size_t size);
/* Head and tail of `data` in at most `limit` bytes, cut at character borders, with a mark between. True when
 * cut. */
bool text_append_head_tail(struct buf *out, const char *data, size_t size, size_t limit);
/* "amqp://user:***@host/vhost": password replaced; also for postgresql:// URLs and key=value DSNs. */
void text_redact_url(struct buf *out, const char *url);
/* A relative path that stays inside: no leading '/', no empty, "." or ".." part, no NUL, no '\\', parts <=
 * 255 bytes, all <= 1024. NULL when fine, else the rule that it breaks ("is absolute", ...). */
const char *text_path_problem(const char *path, size_t size);
/* Whole strings only; no sign, no spaces. */
bool text_parse_u64(const char *text, uint64_t *value);
/* Random bytes as hex, NUL-terminated: `out` holds 2 * bytes + 1. Uses getrandom(2). */
void text_random_hex(char *out, size_t bytes);

#endif
