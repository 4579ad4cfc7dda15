#include "common/message/json_text.h"

#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

#define DEPTH_MAX          64 /* of the stack; jansson allows 2048 */
#define INTEGER_DIGITS_MAX 18 /* so many fit into 64 bits, whichever they are */
#define REAL_SIZE_MAX      63

struct reading {
    const char *at, *end;
    struct buf decoded; /* a string with escapes, for as long as it is read */
    unsigned depth;
};

static char peek(const struct reading *reading)
{
    return reading->at < reading->end ? *reading->at : '\0'; /* a NUL is no JSON either */
}

static char peek_behind_space(struct reading *reading)
{
    while (reading->at < reading->end &&
           (*reading->at == ' ' || *reading->at == '\n' || *reading->at == '\t' || *reading->at == '\r'))
        reading->at++;
    return peek(reading);
}

static char take_behind_space(struct reading *reading)
{
    char c = peek_behind_space(reading);
    reading->at += reading->at < reading->end;
    return c;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* --- strings ------------------------------------------------------------------------------------------ */

/* Does any of the eight bytes end a plain piece: '"', '\\', less than ' '? Never a false no. */
static bool ends_in(uint64_t word)
{
    const uint64_t low = UINT64_C(0x0101010101010101);
    const uint64_t high = UINT64_C(0x8080808080808080);
    uint64_t quote = word ^ (low * '"');
    uint64_t backslash = word ^ (low * '\\');
    return ((((quote - low) & ~quote) | ((backslash - low) & ~backslash) | ((word - low * ' ') & ~word)) &
            high) != 0;
}

static void skip_plain(struct reading *reading)
{
    const char *at = reading->at;
    uint64_t word;
    while (reading->end - at >= (ptrdiff_t)sizeof word) {
        memcpy(&word, at, sizeof word);
        if (ends_in(word))
            break;
        at += sizeof word;
    }
    while (at < reading->end && *at != '"' && *at != '\\' && (unsigned char)*at >= ' ')
        at++;
    reading->at = at;
}

/* The four digits behind "\u"; 0 when they are none (or are 0, which is rare). */
static unsigned take_hex(struct reading *reading)
{
    unsigned value = 0;
    if (reading->end - reading->at < 4)
        return 0;
    for (int i = 0; i < 4; i++) {
        char c = *reading->at++;
        unsigned digit = is_digit(c)            ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                                : 16;
        if (digit == 16)
            return 0;
        value = value * 16 + digit;
    }
    return value;
}

static void append_utf8(struct buf *out, unsigned code)
{
    char bytes[4];
    size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = size; i-- > 1; code >>= 6)
        bytes[i] = (char)(0x80 | (code & 0x3f));
    bytes[0] = (char)(leads[size] | code);
    buf_append(out, bytes, size);
}

/* Behind "\u". */
static bool take_code(struct reading *reading)
{
    unsigned code = take_hex(reading);
    if (code == 0 || (code >= 0xdc00 && code <= 0xdfff))
        return false;
    if (code >= 0xd800 && code <= 0xdbff) {
        if (reading->end - reading->at < 2 || reading->at[0] != '\\' || reading->at[1] != 'u')
            return false;
        reading->at += 2;
        unsigned second = take_hex(reading);
        if (second < 0xdc00 || second > 0xdfff)
            return false;
        code = 0x10000 + ((code - 0xd800) << 10) + (second - 0xdc00);
    }
    append_utf8(&reading->decoded, code);
    return true;
}

/* At the character behind a backslash. */
static bool take_escape(struct reading *reading)
{
    static const char names[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    char c = peek(reading);
    reading->at += reading->at < reading->end;
    if (c == 'u')
        return take_code(reading);
    const char *name = c != '\0' ? strchr(names, c) : NULL;
    if (name != NULL)
        buf_append_char(&reading->decoded, meant[name - names]);
    return name != NULL;
}

/* The rest of a string that has escapes, of which `begin` is the first character. */
static json_t *take_decoded(struct reading *reading, const char *begin)
{
    buf_reset(&reading->decoded);
    buf_append(&reading->decoded, begin, (size_t)(reading->at - begin));
    while (peek(reading) == '\\') {
        reading->at++;
        if (!take_escape(reading))
            return NULL;
        const char *plain = reading->at;
        skip_plain(reading);
        buf_append(&reading->decoded, plain, (size_t)(reading->at - plain));
    }
    if (peek(reading) != '"' || reading->decoded.failed)
        return NULL;
    reading->at++;
    return json_stringn_nocheck(buf_text(&reading->decoded), reading->decoded.size);
}

/* At the opening quote, as all that follow are at the first character of what they take. */
static json_t *take_string(struct reading *reading)
{
    const char *begin = ++reading->at;
    skip_plain(reading);
    if (peek(reading) != '"')
        return take_decoded(reading, begin);
    return json_stringn_nocheck(begin, (size_t)(reading->at++ - begin));
}

/* --- other values ------------------------------------------------------------------------------------- */

static bool skip_digits(struct reading *reading)
{
    const char *begin = reading->at;
    while (is_digit(peek(reading)))
        reading->at++;
    return reading->at > begin;
}

/* Behind the digits of a number that began at `begin`. */
static json_t *take_real(struct reading *reading, const char *begin)
{
    char text[REAL_SIZE_MAX + 1];
    if (peek(reading) == '.') {
        reading->at++;
        if (!skip_digits(reading))
            return NULL;
    }
    if (peek(reading) == 'e' || peek(reading) == 'E') {
        reading->at++;
        if (peek(reading) == '+' || peek(reading) == '-')
            reading->at++;
        if (!skip_digits(reading))
            return NULL;
    }
    size_t size = (size_t)(reading->at - begin);
    if (size > REAL_SIZE_MAX)
        return NULL;
    memcpy(text, begin, size);
    text[size] = '\0';
    double value = strtod(text, NULL); /* no program of ours sets a locale */
    return isfinite(value) ? json_real(value) : NULL;
}

static json_t *take_number(struct reading *reading)
{
    const char *begin = reading->at;
    bool negative = *begin == '-';
    reading->at += negative;
    const char *digits = reading->at;
    if (!skip_digits(reading) || (*digits == '0' && reading->at - digits > 1))
        return NULL;
    if (peek(reading) == '.' || peek(reading) == 'e' || peek(reading) == 'E')
        return take_real(reading, begin);
    if (reading->at - digits > INTEGER_DIGITS_MAX)
        return NULL;
    json_int_t value = 0;
    for (const char *digit = digits; digit < reading->at; digit++)
        value = value * 10 + (*digit - '0');
    return json_integer(negative ? -value : value);
}

static json_t *take_word(struct reading *reading, const char *word, json_t *value)
{
    size_t size = strlen(word);
    if ((size_t)(reading->end - reading->at) < size || memcmp(reading->at, word, size) != 0)
        return NULL;
    reading->at += size;
    return value;
}

static json_t *take_value(struct reading *reading);

static bool take_elements(struct reading *reading, json_t *array)
{
    reading->at++;
    if (peek_behind_space(reading) == ']') {
        reading->at++;
        return true;
    }
    for (;;) {
        if (json_array_append_new(array, take_value(reading)) != 0)
            return false;
        char c = take_behind_space(reading);
        if (c != ',')
            return c == ']';
    }
}

static bool take_member(struct reading *reading, json_t *object)
{
    if (peek_behind_space(reading) != '"')
        return false;
    const char *name = ++reading->at;
    skip_plain(reading);
    size_t size = (size_t)(reading->at - name);
    if (peek(reading) != '"')
        return false;
    reading->at++;
    if (take_behind_space(reading) != ':')
        return false;
    size_t count = json_object_size(object);
    return json_object_setn_new_nocheck(object, name, size, take_value(reading)) == 0 &&
           json_object_size(object) > count; /* else it was there before */
}

static bool take_members(struct reading *reading, json_t *object)
{
    reading->at++;
    if (peek_behind_space(reading) == '}') {
        reading->at++;
        return true;
    }
    for (;;) {
        if (!take_member(reading, object))
            return false;
        char c = take_behind_space(reading);
        if (c != ',')
            return c == '}';
    }
}

static json_t *take_container(struct reading *reading, json_t *empty,
                              bool (*take)(struct reading *, json_t *))
{
    bool good = empty != NULL && ++reading->depth <= DEPTH_MAX && take(reading, empty);
    reading->depth--;
    if (good)
        return empty;
    json_decref(empty);
    return NULL;
}

static json_t *take_value(struct reading *reading)
{
    char c = peek_behind_space(reading);
    switch (c) {
    case '"':
        return take_string(reading);
    case '{':
        return take_container(reading, json_object(), take_members);
    case '[':
        return take_container(reading, json_array(), take_elements);
    case 't':
        return take_word(reading, "true", json_true());
    case 'f':
        return take_word(reading, "false", json_false());
    case 'n':
        return take_word(reading, "null", json_null());
    default:
        return c == '-' || is_digit(c) ? take_number(reading) : NULL;
    }
}

json_t *json_text_load(const char *text, size_t size)
{
    struct reading reading = {.at = text, .end = text + size, .decoded = BUF_INIT};
    json_t *root = peek_behind_space(&reading) == '{' ? take_value(&reading) : NULL;
    if (root != NULL && (peek_behind_space(&reading) != '\0' || reading.at != reading.end)) {
        json_decref(root);
        root = NULL;
    }
    buf_free(&reading.decoded);
    return root;
}
