#include "worker/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

#define EXCERPT_BYTES 60  /* of each side, in a difference */
#define EXCERPT_LEAD  20  /* of them before the first byte that differs */
#define NUMBER_BYTES  400 /* a longer token is no number: DBL_MAX written out has 309 digits */

struct span {
    const char *data;
    size_t size;
};

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct span trim_end(struct span text)
{
    while (text.size > 0 && is_space(text.data[text.size - 1]))
        text.size--;
    return text;
}

static bool same(struct span a, struct span b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* --- the difference in words -------------------------------------------------------------------------- */

static size_t character_size(struct span text)
{
    size_t size = 1;
    while (size < 4 && size < text.size && ((unsigned char)text.data[size] & 0xc0) == 0x80)
        size++;
    return text_is_utf8(text.data, size, NULL) ? size : 0;
}

/* `text` in quotes, from shortly before `from`: one line, printable, what was cut away marked by "...". */
static void append_excerpt(struct buf *out, struct span text, size_t from)
{
    size_t start = from > EXCERPT_LEAD + 3 ? from - EXCERPT_LEAD : 0;
    while (start > 0 && start < text.size && ((unsigned char)text.data[start] & 0xc0) == 0x80)
        start--;
    buf_append_text(out, start > 0 ? "'..." : "'");
    size_t i = start;
    while (i < text.size && i - start < EXCERPT_BYTES) {
        struct span rest = {text.data + i, text.size - i};
        unsigned char c = (unsigned char)text.data[i];
        size_t size = character_size(rest);
        if (c == '\n' || c == '\t' || c == '\r')
            buf_printf(out, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
        else if (size == 0 || c < 0x20 || c == 0x7f)
            buf_printf(out, "\\x%02x", c);
        else
            buf_append(out, rest.data, size);
        i += size == 0 ? 1 : size;
    }
    buf_append_text(out, i < text.size ? "...'" : "'");
}

static size_t first_difference(struct span a, struct span b)
{
    size_t i = 0;
    while (i < a.size && i < b.size && a.data[i] == b.data[i])
        i++;
    return i;
}

/* Either side's data is NULL where its text has ended. */
static void append_sides(struct buf *out, struct span expected, struct span actual)
{
    size_t from = expected.data != NULL && actual.data != NULL ? first_difference(expected, actual) : 0;
    buf_append_text(out, "expected ");
    if (expected.data == NULL)
        buf_append_text(out, "the end of the output");
    else
        append_excerpt(out, expected, from);
    buf_append_text(out, ", got ");
    if (actual.data == NULL)
        buf_append_text(out, "the end of the output");
    else
        append_excerpt(out, actual, from);
}

/* --- line by line ------------------------------------------------------------------------------------- */

/* Takes the next line off `rest`; data NULL at the end. Trimmed lines lose their end of line as well. */
static struct span next_line(struct span *rest, bool trim)
{
    if (rest->size == 0)
        return (struct span){NULL, 0};
    const char *newline = memchr(rest->data, '\n', rest->size);
    struct span line = {rest->data, newline != NULL ? (size_t)(newline - rest->data) + 1 : rest->size};
    rest->data += line.size;
    rest->size -= line.size;
    return trim ? trim_end(line) : line;
}

static bool compare_lines(struct span expected, struct span actual, bool trim, struct buf *difference)
{
    if (trim) {
        expected = trim_end(expected);
        actual = trim_end(actual);
    }
    if (same(expected, actual))
        return true;
    for (size_t number = 1;; number++) {
        struct span want = next_line(&expected, trim), got = next_line(&actual, trim);
        if (want.data == NULL && got.data == NULL)
            return true;
        if (want.data != NULL && got.data != NULL && same(want, got))
            continue;
        buf_printf(difference, "line %zu: ", number);
        append_sides(difference, want, got);
        return false;
    }
}

/* --- token by token ----------------------------------------------------------------------------------- */

struct tokens {
    struct span rest;
    size_t line; /* 1-based, of the latest token */
};

static struct span next_token(struct tokens *tokens)
{
    struct span *rest = &tokens->rest;
    while (rest->size > 0 && is_space(rest->data[0])) {
        tokens->line += rest->data[0] == '\n' ? 1 : 0;
        rest->data++;
        rest->size--;
    }
    if (rest->size == 0)
        return (struct span){NULL, 0};
    struct span token = {rest->data, 0};
    while (token.size < rest->size && !is_space(token.data[token.size]))
        token.size++;
    rest->data += token.size;
    rest->size -= token.size;
    return token;
}

/* A decimal number, infinity or NaN, and nothing behind it. */
static bool read_number(struct span token, double *value)
{
    char text[NUMBER_BYTES + 1];
    char *end;
    if (token.size == 0 || token.size > NUMBER_BYTES || memchr(token.data, '\0', token.size) != NULL ||
        memchr(token.data, 'x', token.size) != NULL || memchr(token.data, 'X', token.size) != NULL ||
        memchr(token.data, '(', token.size) != NULL)
        return false; /* strtod also takes 0x1p3 and nan(...) */
    memcpy(text, token.data, token.size);
    text[token.size] = '\0';
    *value = strtod(text, &end);
    return *end == '\0';
}

static bool close_enough(struct span expected, struct span actual, double tolerance)
{
    double want, got;
    if (same(expected, actual))
        return true;
    if (!read_number(expected, &want) || !read_number(actual, &got))
        return false;
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got);
    if (isinf(want) || isinf(got))
        return isinf(want) && isinf(got) && signbit(want) == signbit(got);
    return fabs(want - got) <= tolerance * fmax(1.0, fabs(want));
}

/* `tolerance` < 0: tokens must be equal. */
static bool compare_tokens(struct span expected, struct span actual, double tolerance, struct buf *difference)
{
    struct tokens wants = {expected, 1}, gots = {actual, 1};
    for (size_t number = 1;; number++) {
        struct span want = next_token(&wants), got = next_token(&gots);
        if (want.data == NULL && got.data == NULL)
            return true;
        if (want.data != NULL && got.data != NULL &&
            (tolerance < 0 ? same(want, got) : close_enough(want, got, tolerance)))
            continue;
        buf_printf(difference, "line %zu, token %zu: ", got.data != NULL ? gots.line : wants.line, number);
        append_sides(difference, want, got);
        if (tolerance >= 0 && want.data != NULL && got.data != NULL)
            buf_printf(difference, " (tolerance %g)", tolerance);
        return false;
    }
}

bool compare_output(enum compare_kind kind, double tolerance, const char *expected, size_t expected_size,
                    const char *actual, size_t actual_size, struct buf *difference)
{
    struct span want = {expected, expected_size}, got = {actual, actual_size};
    switch (kind) {
    case COMPARE_EXACT:
        return compare_lines(want, got, false, difference);
    case COMPARE_TOKENS:
        return compare_tokens(want, got, -1, difference);
    case COMPARE_FLOAT:
        return compare_tokens(want, got, tolerance, difference);
    case COMPARE_TRIM:
        break;
    }
    return compare_lines(want, got, true, difference);
}
