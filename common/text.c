#include "common/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

bool text_is_id(const char *text, size_t size)
{
    if (size < 1 || size > TEXT_ID_MAX)
        return false;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!letter && (c == '\0' || strchr("._:/-", c) == NULL))
            return false;
    }
    return true;
}

/* What a lead byte asks for (Unicode 15, table 3-7): bytes in all, and the range of the second one. */
struct lead {
    size_t length; /* 0 = no lead byte */
    unsigned char low, high;
};

static struct lead read_lead(unsigned char c)
{
    if (c < 0x80)
        return (struct lead){1, 0, 0};
    if (c >= 0xc2 && c <= 0xdf)
        return (struct lead){2, 0x80, 0xbf};
    if ((c & 0xf0) == 0xe0)
        return (struct lead){3, c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf};
    if (c >= 0xf0 && c <= 0xf4)
        return (struct lead){4, c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf};
    return (struct lead){0, 0, 0};
}

/* Bytes at `s` that agree with what their lead byte asks for; at least 1. */
static size_t agreeing_bytes(const unsigned char *s, size_t size, struct lead lead)
{
    size_t count = 1;
    while (count < lead.length && count < size) {
        unsigned char low = count == 1 ? lead.low : 0x80;
        unsigned char high = count == 1 ? lead.high : 0xbf;
        if (s[count] < low || s[count] > high)
            break;
        count++;
    }
    return count;
}

/* Length of the valid sequence at `s`, or 0. */
static size_t sequence_length(const unsigned char *s, size_t size)
{
    struct lead lead = read_lead(s[0]);
    return lead.length > 0 && agreeing_bytes(s, size, lead) == lead.length ? lead.length : 0;
}

/* Length of the plain ASCII at the beginning, NUL apart: eight bytes at a time, since most text is nothing
 * else. */
static size_t ascii_length(const unsigned char *s, size_t size)
{
    const uint64_t high = UINT64_C(0x8080808080808080);
    const uint64_t low = UINT64_C(0x0101010101010101);
    size_t length = 0;
    while (size - length >= sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, s + length, sizeof(word));
        if ((word & high) != 0 || ((word - low) & ~word & high) != 0)
            break;
        length += sizeof(word);
    }
    while (length < size && s[length] != '\0' && s[length] < 0x80)
        length++;
    return length;
}

bool text_is_utf8(const char *data, size_t size, size_t *bad_offset)
{
    const unsigned char *s = (const unsigned char *)data;
    for (size_t i = ascii_length(s, size); i < size; i += ascii_length(s + i, size - i)) {
        size_t length = sequence_length(s + i, size - i);
        if (length == 0) {
            if (bad_offset != NULL)
                *bad_offset = i;
            return false;
        }
        i += length;
    }
    return true;
}

void text_append_clean(struct buf *out, const char *data, size_t size)
{
    const unsigned char *s = (const unsigned char *)data;
    size_t start = 0;
    for (size_t i = ascii_length(s, size); i < size; i += ascii_length(s + i, size - i)) {
        size_t length = s[i] == '\0' ? 0 : sequence_length(s + i, size - i);
        if (length > 0) {
            i += length;
            continue;
        }
        buf_append(out, data + start, i - start);
        buf_append_text(out, REPLACEMENT);
        /* One mark for the longest beginning that could have become a character (Unicode 15, 3.9: what
         * browsers and Python do too). */
        i += s[i] == '\0' ? 1 : agreeing_bytes(s + i, size - i, read_lead(s[i]));
        start = i;
    }
    buf_append(out, data + start, size - start);
}

static bool is_plain_in_json(char c)
{
    return (unsigned char)c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

static void append_json_clean(struct buf *out, const char *data, size_t size)
{
    for (size_t i = 0; i < size;) {
        size_t plain = 0;
        while (i + plain < size && is_plain_in_json(data[i + plain]))
            plain++;
        buf_append(out, data + i, plain);
        i += plain;
        if (i == size)
            return;
        char c = data[i++];
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c == '\n')
            buf_append_text(out, "\\n");
        else
            buf_printf(out, "\\u%04x", (unsigned)c);
    }
}

void text_append_json(struct buf *out, const char *data, size_t size)
{
    buf_append_char(out, '"');
    if (ascii_length((const unsigned char *)data, size) == size) {
        append_json_clean(out, data, size);
    } else {
        autobuf struct buf clean = BUF_INIT;
        text_append_clean(&clean, data, size);
        append_json_clean(out, buf_text(&clean), clean.size);
        if (clean.failed)
            out->failed = true;
    }
    buf_append_char(out, '"');
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

static size_t print_mark(char *mark, size_t capacity, size_t cut_bytes)
{
    int written = snprintf(mark, capacity, "\n[... %zu bytes cut ...]\n", cut_bytes);
    return written > 0 ? (size_t)written : 0;
}

bool text_append_head_tail(struct buf *out, const char *data, size_t size, size_t limit)
{
    if (size <= limit) {
        buf_append(out, data, size);
        return false;
    }
    char mark[64];
    size_t mark_room = print_mark(mark, sizeof(mark), size); /* never shorter than the true mark */
    if (limit < 2 * mark_room)
        mark_room = 0; /* the head alone says more than a mark */
    size_t room = limit - mark_room;
    size_t head = mark_room == 0 ? room : room - room / 2;
    size_t tail = size - (room - head);
    while (head > 0 && is_continuation(data[head]))
        head--;
    while (tail < size && is_continuation(data[tail]))
        tail++;
    buf_append(out, data, head);
    if (mark_room > 0)
        buf_append(out, mark, print_mark(mark, sizeof(mark), tail - head));
    buf_append(out, data + tail, size - tail);
    return true;
}

/* The password of scheme://user:password@host. An unescaped '/' in a password would end the authority too
 * early, so that the last '@' of the whole text counts where the authority has none. */
static bool redact_authority(struct buf *out, const char *url)
{
    const char *scheme_end = strstr(url, "://");
    if (scheme_end == NULL)
        return false;
    const char *authority = scheme_end + 3;
    const char *at = memrchr(authority, '@', strcspn(authority, "/?#"));
    if (at == NULL)
        at = strrchr(authority, '@');
    const char *colon = at != NULL ? memchr(authority, ':', (size_t)(at - authority)) : NULL;
    const char *rest = url;
    if (colon != NULL) {
        buf_append(out, url, (size_t)(colon - url));
        buf_append_text(out, ":***");
        rest = at;
    }
    const char *query = strstr(rest, "password="); /* libpq takes ?password=... too */
    if (query == NULL) {
        buf_append_text(out, rest);
        return true;
    }
    buf_append(out, rest, (size_t)(query - rest));
    buf_append_text(out, "password=***");
    buf_append_text(out, query + strcspn(query, "&"));
    return true;
}

/* Where the value begins when `c` is at "password =", else NULL. */
static const char *password_value(const char *c)
{
    static const char key[] = "password";
    if (strncmp(c, key, sizeof(key) - 1) != 0)
        return NULL;
    c += sizeof(key) - 1;
    c += strspn(c, " \t");
    return *c == '=' ? c + 1 + strspn(c + 1, " \t") : NULL;
}

/* "host=x password='a b' user=y": libpq's keyword/value form (PostgreSQL documentation, 34.1.1.1). */
static void redact_dsn(struct buf *out, const char *dsn)
{
    const char *c = dsn;
    while (*c != '\0') {
        const char *value = c == dsn || isspace((unsigned char)c[-1]) ? password_value(c) : NULL;
        if (value == NULL) {
            buf_append_char(out, *c++);
            continue;
        }
        buf_append_text(out, "password=***");
        bool quoted = *value == '\'';
        const char *end = quoted ? value + 1 : value;
        while (*end != '\0' && (quoted ? *end != '\'' : !isspace((unsigned char)*end)))
            end += *end == '\\' && end[1] != '\0' ? 2 : 1;
        c = quoted && *end == '\'' ? end + 1 : end;
    }
}

void text_redact_url(struct buf *out, const char *url)
{
    if (!redact_authority(out, url))
        redact_dsn(out, url);
}

const char *text_path_problem(const char *path, size_t size)
{
    if (size == 0)
        return "is empty";
    if (size > 1024)
        return "is longer than 1024 bytes";
    if (memchr(path, '\0', size) != NULL)
        return "holds a NUL";
    if (memchr(path, '\\', size) != NULL)
        return "holds a backslash";
    if (path[0] == '/')
        return "is absolute";
    for (size_t start = 0; start <= size;) {
        const char *slash = memchr(path + start, '/', size - start);
        size_t length = slash != NULL ? (size_t)(slash - path) - start : size - start;
        const char *part = path + start;
        if (length == 0)
            return "has an empty part";
        if (length == 1 && part[0] == '.')
            return "has a \".\" part";
        if (length == 2 && part[0] == '.' && part[1] == '.')
            return "has a \"..\" part";
        if (length > 255)
            return "has a part longer than 255 bytes";
        start += length + 1;
    }
    return NULL;
}

bool text_parse_u64(const char *text, uint64_t *value)
{
    if (*text == '\0')
        return false;
    uint64_t sum = 0;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c < '0' || *c > '9')
            return false;
        uint64_t digit = (uint64_t)(*c - '0');
        if (sum > (UINT64_MAX - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return true;
}

void text_random_hex(char *out, size_t bytes)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t done = 0; done < bytes;) {
        unsigned char random[64];
        size_t want = bytes - done < sizeof(random) ? bytes - done : sizeof(random);
        ssize_t got = getrandom(random, want, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            abort(); /* no kernel of ours lacks getrandom(2); a predictable secret would be worse than an end
                      */
        for (size_t i = 0; i < (size_t)got; i++) {
            out[2 * (done + i)] = hex[random[i] >> 4];
            out[2 * (done + i) + 1] = hex[random[i] & 15];
        }
        done += (size_t)got;
    }
    out[2 * bytes] = '\0';
}
