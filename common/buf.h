/*
 * A growable byte buffer with a bound and a sticky failure flag: append as often as needed, check `failed`
 * once at the end (PgBouncer's pktbuf habit). A failed buffer ignores further appends.
 * `data` is always NUL-terminated behind `size` (the NUL is not counted) once anything was appended or
 * buf_text called.
 */
#ifndef ASSAY_COMMON_BUF_H
#define ASSAY_COMMON_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *data;
    size_t size;     /* bytes in use */
    size_t capacity; /* bytes allocated */
    size_t limit;    /* bytes at most; 0 = no bound (only for data that is bounded otherwise) */
    bool failed;     /* out of memory or over the limit */
};

#define BUF_INIT                                                                                             \
    {                                                                                                        \
        NULL, 0, 0, 0, false                                                                                 \
    }
#define BUF_LIMIT(most)                                                                                      \
    {                                                                                                        \
        NULL, 0, 0, (most), false                                                                            \
    }
#define autobuf __attribute__((cleanup(buf_free)))

void buf_free(struct buf *buf);
void buf_reset(struct buf *buf); /* empties, keeps the memory, clears `failed` */
void buf_append(struct buf *buf, const void *data, size_t size);
void buf_append_text(struct buf *buf, const char *text);
void buf_append_char(struct buf *buf, char c);
void buf_append_integer(struct buf *buf, int64_t value); /* decimal */
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Drops `size` bytes from the front. */
void buf_consume(struct buf *buf, size_t size);
/* Room for `size` more bytes at the end (NULL on failure); tell how many were written with buf_commit. */
char *buf_reserve(struct buf *buf, size_t size);
void buf_commit(struct buf *buf, size_t size);
/* The content as a C string ("" when empty); valid until the next change. */
const char *buf_text(struct buf *buf);
/* Hands the memory to the caller (free()), the buffer is empty afterwards. NULL when failed. */
char *buf_steal(struct buf *buf, size_t *size);

#endif
