#include "worker/capture.h"

#include <string.h>

#include "common/text.h"

void capture_init(struct capture *capture, size_t keep_bytes, size_t kill_bytes, bool whole)
{
    *capture = (struct capture){.keep_bytes = keep_bytes, .kill_bytes = kill_bytes, .whole = whole};
}

void capture_free(struct capture *capture)
{
    buf_free(&capture->head);
    buf_free(&capture->tail);
}

static size_t head_bytes(const struct capture *capture)
{
    return capture->keep_bytes / 2;
}

static size_t tail_bytes(const struct capture *capture)
{
    return capture->keep_bytes - head_bytes(capture);
}

/* The tail grows to twice its size before it is trimmed, so that each byte is moved at most once. */
static void append_bounded(struct capture *capture, const char *data, size_t size)
{
    if (capture->head.size < head_bytes(capture)) {
        size_t room = head_bytes(capture) - capture->head.size;
        size_t part = size < room ? size : room;
        buf_append(&capture->head, data, part);
        data += part;
        size -= part;
    }
    size_t most = tail_bytes(capture);
    if (size > most) {
        data += size - most;
        size = most;
        buf_reset(&capture->tail);
    }
    if (capture->tail.size + size > 2 * most)
        buf_consume(&capture->tail, capture->tail.size + size - most);
    buf_append(&capture->tail, data, size);
}

bool capture_append(struct capture *capture, const char *data, size_t size)
{
    capture->total_bytes += size;
    if (capture->whole) {
        /* What lies beyond the bound is never looked at. */
        size_t room = capture->kill_bytes - capture->head.size;
        buf_append(&capture->head, data, size < room ? size : room);
    } else {
        append_bounded(capture, data, size);
    }
    capture->failed = capture->head.failed || capture->tail.failed;
    if (capture->failed)
        return false;
    return capture->kill_bytes == 0 || capture->total_bytes <= capture->kill_bytes;
}

const char *capture_whole(struct capture *capture, size_t *size)
{
    *size = capture->head.size;
    return buf_text(&capture->head);
}

const char *capture_tail(struct capture *capture, size_t size, size_t *got)
{
    struct buf *last = capture->whole ? &capture->head : &capture->tail;
    /* A short bounded stream may lie in the head alone, or the tail may be shorter than asked for: what is
     * missing of it is not worth a copy. */
    if (!capture->whole && capture->tail.size == 0)
        last = &capture->head;
    *got = last->size < size ? last->size : size;
    return buf_text(last) + (last->size - *got);
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* Shortens a head so that it does not end inside a character. */
static size_t cut_end(const char *data, size_t size)
{
    size_t back = 0;
    while (back < 3 && back < size && is_continuation(data[size - 1 - back]))
        back++;
    if (back == size || (unsigned char)data[size - 1 - back] < 0xC0)
        return size;
    unsigned char lead = (unsigned char)data[size - 1 - back];
    size_t needed = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    return back + 1 < needed ? size - 1 - back : size;
}

/* Bytes to leave out at the front of a tail so that it does not begin inside a character. */
static size_t cut_start(const char *data, size_t size)
{
    size_t skip = 0;
    while (skip < 3 && skip < size && is_continuation(data[skip]))
        skip++;
    return skip;
}

bool capture_text(struct capture *capture, struct buf *out)
{
    const char *head = buf_text(&capture->head);
    const char *tail = buf_text(&capture->tail);
    size_t head_size = capture->head.size, tail_size = capture->tail.size;
    if (capture->whole) {
        tail_size = head_size > tail_bytes(capture) ? tail_bytes(capture) : head_size;
        tail = head + (head_size - tail_size);
        if (capture->total_bytes <= capture->keep_bytes)
            head_size -= tail_size;
        else
            head_size = head_bytes(capture);
    } else if (tail_size > tail_bytes(capture)) {
        tail += tail_size - tail_bytes(capture);
        tail_size = tail_bytes(capture);
    }
    if (capture->total_bytes <= capture->keep_bytes) {
        autobuf struct buf all = BUF_INIT; /* a character may lie across the border of head and tail */
        buf_append(&all, head, head_size);
        buf_append(&all, tail, tail_size);
        text_append_clean(out, buf_text(&all), all.size);
        return false;
    }
    head_size = cut_end(head, head_size);
    size_t skip = cut_start(tail, tail_size);
    text_append_clean(out, head, head_size);
    buf_printf(out, "\n[... %llu bytes left out ...]\n",
               (unsigned long long)(capture->total_bytes - head_size - (tail_size - skip)));
    text_append_clean(out, tail + skip, tail_size - skip);
    return true;
}

size_t capture_case_kill_bytes(size_t output_bytes, size_t expected_bytes)
{
    size_t by_limit = output_bytes * CAPTURE_KILL_FACTOR;
    size_t by_answer = expected_bytes + CAPTURE_CASE_SLACK;
    return by_limit > by_answer ? by_limit : by_answer;
}
