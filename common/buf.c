#include "common/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_free(struct buf *buf)
{
    free(buf->data);
    buf->data = NULL;
    buf->size = 0;
    buf->capacity = 0;
    buf->failed = false;
}

void buf_reset(struct buf *buf)
{
    buf->size = 0;
    buf->failed = false;
    if (buf->data != NULL)
        buf->data[0] = '\0';
}

/* Room for `more` bytes and the NUL. Doubling keeps the copying linear. */
static bool grow(struct buf *buf, size_t more)
{
    if (buf->failed)
        return false;
    if (more > SIZE_MAX / 2 - buf->size - 1 || (buf->limit != 0 && more > buf->limit - buf->size)) {
        buf->failed = true;
        return false;
    }
    size_t need = buf->size + more + 1;
    if (need <= buf->capacity)
        return true;
    size_t capacity = buf->capacity < 64 ? 64 : buf->capacity;
    while (capacity < need)
        capacity *= 2;
    char *data = realloc(buf->data, capacity);
    if (data == NULL) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

void buf_append(struct buf *buf, const void *data, size_t size)
{
    if (!grow(buf, size))
        return;
    if (size > 0)
        memcpy(buf->data + buf->size, data, size);
    buf->size += size;
    buf->data[buf->size] = '\0';
}

void buf_append_text(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}

void buf_append_char(struct buf *buf, char c)
{
    buf_append(buf, &c, 1);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    if (buf->failed)
        return;
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    size_t room = buf->data != NULL ? buf->capacity - buf->size : 0; /* mostly it fits at once */
    int length = vsnprintf(room > 0 ? buf->data + buf->size : NULL, room, format, args);
    va_end(args);
    if (length < 0) {
        buf->failed = true;
    } else if (grow(buf, (size_t)length)) {
        if ((size_t)length >= room)
            (void)vsnprintf(buf->data + buf->size, (size_t)length + 1, format, again);
        buf->size += (size_t)length;
    } else if (room > 0) {
        buf->data[buf->size] = '\0'; /* what did not fit is not half there */
    }
    va_end(again);
}

void buf_append_integer(struct buf *buf, int64_t value)
{
    char digits[20]; /* INT64_MIN has 19 and a sign */
    size_t at = sizeof digits;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (value < 0)
        digits[--at] = '-';
    buf_append(buf, digits + at, sizeof digits - at);
}

void buf_consume(struct buf *buf, size_t size)
{
    if (size >= buf->size) {
        buf->size = 0;
    } else {
        memmove(buf->data, buf->data + size, buf->size - size);
        buf->size -= size;
    }
    if (buf->data != NULL)
        buf->data[buf->size] = '\0';
}

char *buf_reserve(struct buf *buf, size_t size)
{
    return grow(buf, size) ? buf->data + buf->size : NULL;
}

void buf_commit(struct buf *buf, size_t size)
{
    buf->size += size;
    buf->data[buf->size] = '\0';
}

const char *buf_text(struct buf *buf)
{
    if (buf->data == NULL)
        return "";
    buf->data[buf->size] = '\0';
    return buf->data;
}

char *buf_steal(struct buf *buf, size_t *size)
{
    bool ok = grow(buf, 0);
    char *data = NULL;
    if (ok) {
        data = buf->data;
        data[buf->size] = '\0';
        if (size != NULL)
            *size = buf->size;
        buf->data = NULL;
    }
    buf_free(buf);
    return data;
}
