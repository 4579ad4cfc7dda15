#include "worker/lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE ((size_t)256 * 1024)

void lines_init(struct lines *lines, int fd)
{
    *lines = (struct lines){.fd = fd, .pending = BUF_LIMIT(LINES_SIZE_MAX + 2 * READ_SIZE)};
}

void lines_free(struct lines *lines)
{
    buf_free(&lines->pending);
}

static void drop_taken(struct lines *lines)
{
    buf_consume(&lines->pending, lines->taken);
    lines->searched = lines->searched > lines->taken ? lines->searched - lines->taken : 0;
    lines->taken = 0;
}

bool lines_read(struct lines *lines, struct err *err)
{
    drop_taken(lines);
    char *room = buf_reserve(&lines->pending, READ_SIZE);
    if (room == NULL)
        return err_set(err, ERR_NO_MEMORY, "line %lld: out of memory", (long long)lines->number + 1);
    ssize_t size = read(lines->fd, room, READ_SIZE);
    if (size < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    if (size < 0)
        return err_set_errno(err, ERR_IO, "read after line %lld", (long long)lines->number);
    buf_commit(&lines->pending, (size_t)size);
    lines->end = size == 0;
    return true;
}

static bool is_blank(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (strchr(" \t\r", text[i]) == NULL || text[i] == '\0')
            return false;
    return true;
}

/* The end of the line that starts at `taken`, NULL when it is not here yet. */
static const char *find_end(struct lines *lines)
{
    const struct buf *pending = &lines->pending;
    size_t from = lines->searched > lines->taken ? lines->searched : lines->taken;
    const char *end = pending->size > from ? memchr(pending->data + from, '\n', pending->size - from) : NULL;
    lines->searched = end == NULL ? pending->size : (size_t)(end - pending->data);
    return end;
}

enum lines_answer lines_next(struct lines *lines, const char **line, size_t *size)
{
    struct buf *pending = &lines->pending;
    for (;;) {
        const char *newline = find_end(lines);
        size_t rest = pending->size - lines->taken;
        if (newline == NULL && !lines->end && (lines->skipping || rest <= LINES_SIZE_MAX)) {
            if (lines->skipping)
                lines->taken = pending->size; /* nothing of it is kept */
            return LINES_NEED_INPUT;
        }
        if (newline == NULL && rest == 0)
            return LINES_END;
        const char *start = pending->data + lines->taken;
        size_t length = newline != NULL ? (size_t)(newline - start) : rest;
        lines->taken += length + (newline != NULL);
        lines->searched = lines->taken;
        if (lines->skipping) {
            lines->skipping = newline == NULL && !lines->end;
            continue;
        }
        lines->number++;
        if (is_blank(start, length))
            continue;
        *line = start;
        *size = length;
        if (length <= LINES_SIZE_MAX)
            return LINES_LINE;
        lines->skipping = newline == NULL && !lines->end;
        return LINES_TOO_LONG;
    }
}
