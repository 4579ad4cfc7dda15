#include "producer/lines.h"

#include <stdlib.h>
#include <string.h>

#define READ_SIZE ((size_t)64 * 1024)

void lines_init(struct lines *lines, size_t limit)
{
    memset(lines, 0, sizeof *lines);
    lines->limit = limit;
}

void lines_free(struct lines *lines)
{
    free(lines->data);
    memset(lines, 0, sizeof *lines);
}

char *lines_reserve(struct lines *lines, size_t *room)
{
    if (lines->capacity - lines->end < READ_SIZE && lines->start > 0) {
        size_t left = lines->end - lines->start;
        if (left > 0)
            memmove(lines->data, lines->data + lines->start, left);
        lines->scanned -= lines->start;
        lines->start = 0;
        lines->end = left;
    }
    if (lines->capacity - lines->end < READ_SIZE) {
        size_t capacity = lines->capacity < 2 * READ_SIZE ? 2 * READ_SIZE : lines->capacity * 2;
        char *data = realloc(lines->data, capacity);
        if (data == NULL)
            return NULL;
        lines->data = data;
        lines->capacity = capacity;
    }
    *room = lines->capacity - lines->end;
    return lines->data + lines->end;
}

/* Keeps nothing of a line that has grown past the bound. */
static void drop_long_line(struct lines *lines)
{
    if (!lines->dropping && lines->end - lines->start <= lines->limit)
        return;
    lines->dropping = true;
    lines->start = lines->end = lines->scanned = 0;
}

void lines_commit(struct lines *lines, size_t size)
{
    lines->end += size;
}

void lines_end(struct lines *lines)
{
    lines->ended = true;
}

static void take(struct lines *lines, struct line *line, size_t end, size_t next)
{
    static const char mark[] = "\xEF\xBB\xBF";
    line->number = ++lines->number;
    line->too_long = lines->dropping || end - lines->start > lines->limit;
    line->text = line->too_long ? "" : lines->data + lines->start;
    line->size = line->too_long ? 0 : end - lines->start;
    if (line->number == 1 && line->size >= 3 && memcmp(line->text, mark, 3) == 0) {
        line->text += 3;
        line->size -= 3;
    }
    lines->dropping = false;
    lines->start = lines->scanned = next;
}

bool lines_next(struct lines *lines, struct line *line)
{
    size_t unseen = lines->end - lines->scanned;
    char *newline = unseen > 0 ? memchr(lines->data + lines->scanned, '\n', unseen) : NULL;
    if (newline != NULL) {
        size_t end = (size_t)(newline - lines->data);
        take(lines, line, end, end + 1);
        return true;
    }
    lines->scanned = lines->end;
    if (!lines->ended) {
        drop_long_line(lines);
        return false;
    }
    if (lines->start == lines->end && !lines->dropping)
        return false;
    take(lines, line, lines->end, lines->end);
    return true;
}

bool line_is_blank(const struct line *line)
{
    if (line->too_long)
        return false;
    for (size_t i = 0; i < line->size; i++) {
        if (strchr(" \t\r", line->text[i]) == NULL || line->text[i] == '\0')
            return false;
    }
    return true;
}
