#include "common/message/reader.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/message/names.h"

/* Integers up to here are exact as doubles. */
#define EXACT_DOUBLE 9007199254740992.0

#define SUGGESTION_NAME_MAX 64

/* --- text for errors ---------------------------------------------------------------------------------- */

const char *reader_type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        return "null (leave the field out instead)";
    }
    return "something else";
}

const char *reader_quote(const char *text, size_t size, char out[READER_QUOTE_SIZE])
{
    size_t most = READER_QUOTE_SIZE - 4; /* "..." and NUL */
    size_t kept = size < most ? size : most;
    while (kept < size && kept > 0 && ((unsigned char)text[kept] & 0xc0) == 0x80)
        kept--;
    for (size_t i = 0; i < kept; i++)
        out[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i];
    memcpy(out + kept, kept < size ? "..." : "", kept < size ? 4 : 1);
    return out;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Levenshtein distance of two short names. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[SUGGESTION_NAME_MAX + 1];
    size_t a_size = strlen(a), b_size = strlen(b);
    for (size_t j = 0; j <= b_size; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = smallest(row[j] + 1, row[j - 1] + 1, replaced);
        }
    }
    return row[b_size];
}

static bool is_beginning(const char *beginning, const char *text)
{
    size_t size = strlen(beginning);
    return size >= 3 && strncmp(beginning, text, size) == 0;
}

const char *reader_suggest(const char *name, const char *const *known)
{
    size_t size = strlen(name);
    const char *best = NULL;
    size_t best_distance = size <= 3 ? 2 : size / 3 + 2; /* further off is another word */
    if (size > SUGGESTION_NAME_MAX)
        return NULL;
    for (; *known != NULL; known++) {
        size_t distance = edit_distance(name, *known);
        /* "expected" for expected_stdout, "wall_seconds" for wall_s. */
        if (distance > 1 && (is_beginning(name, *known) || is_beginning(*known, name)))
            distance = 1;
        if (distance < best_distance) {
            best = *known;
            best_distance = distance;
        }
    }
    return best;
}

bool reader_error(const struct reader *reader, const char *name, struct err *err, const char *format, ...)
{
    char text[700];
    va_list args;
    va_start(args, format);
    if (vsnprintf(text, sizeof(text), format, args) < 0)
        text[0] = '\0';
    va_end(args);
    return err_set(err, ERR_INPUT, "%s%s %s", reader->where, name, text);
}

/* --- the whole body ----------------------------------------------------------------------------------- */

static bool check_bytes(const char *body, size_t size, struct err *err)
{
    size_t offset;
    if (size > MESSAGE_SIZE_MAX)
        return err_set(err, ERR_INPUT, "%zu bytes are more than a message may have (%zu MiB)", size,
                       MESSAGE_SIZE_MAX >> 20);
    if (size == 0)
        return err_set(err, ERR_INPUT, "the message is empty; a JSON object is expected");
    const char *nul = memchr(body, '\0', size);
    if (nul != NULL)
        return err_set(err, ERR_INPUT, "not JSON: a NUL byte at offset %zu", (size_t)(nul - body));
    if (!text_is_utf8(body, size, &offset))
        return err_set(err, ERR_INPUT,
                       "not UTF-8: byte 0x%02x at offset %zu; encode the message as UTF-8, binary files as "
                       "{\"base64\": ...}",
                       (unsigned)(unsigned char)body[offset], offset);
    if (size >= 3 && memcmp(body, "\xef\xbb\xbf", 3) == 0)
        return err_set(err, ERR_INPUT, "not JSON: it begins with a byte-order mark; write it without");
    return true;
}

json_t *reader_load(const char *body, size_t size, struct err *err)
{
    json_error_t error;
    if (!check_bytes(body, size, err))
        return NULL;
    json_t *root = json_loadb(body, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &error);
    if (root == NULL) {
        if (json_error_code(&error) == json_error_out_of_memory) {
            (void)err_set(err, ERR_NO_MEMORY, "not enough memory for a message of %zu bytes", size);
            return NULL;
        }
        /* jansson quotes what it stumbled over: it may hold line breaks, or half a character. */
        autobuf struct buf why = BUF_INIT;
        for (char *c = error.text; *c != '\0'; c++)
            if ((unsigned char)*c < 0x20 || *c == 0x7f)
                *c = ' ';
        text_append_clean(&why, error.text, strlen(error.text));
        bool duplicate = json_error_code(&error) == json_error_duplicate_key;
        (void)err_set(err, ERR_INPUT, "%s: %s (offset %d)", duplicate ? "a field is given twice" : "not JSON",
                      buf_text(&why), error.position);
        return NULL;
    }
    if (!json_is_object(root)) {
        (void)err_set(err, ERR_INPUT, "not a JSON object but %s", reader_type_name(root));
        json_decref(root);
        return NULL;
    }
    return root;
}

json_t *reader_load_leniently(const char *body, size_t size)
{
    if (size == 0 || size > MESSAGE_SIZE_MAX)
        return NULL;
    json_t *root = json_loadb(body, size, JSON_ALLOW_NUL, NULL);
    if (root != NULL && !json_is_object(root)) {
        json_decref(root);
        return NULL;
    }
    return root;
}

/* --- objects ------------------------------------------------------------------------------------------ */

void reader_start(struct reader *reader, const json_t *root)
{
    reader->object = root;
    reader->where[0] = '\0';
}

bool reader_enter(struct reader *reader, const struct reader *outer, const char *name, const json_t *value,
                  struct err *err)
{
    if (!json_is_object(value))
        return reader_error(outer, name, err, "must be an object, is %s", reader_type_name(value));
    reader->object = value;
    size_t outer_size = strnlen(outer->where, 100), size = strnlen(name, 90);
    memcpy(reader->where, outer->where, outer_size);
    memcpy(reader->where + outer_size, name, size);
    memcpy(reader->where + outer_size + size, ".", 2);
    return true;
}

static void list_fields(const char *const *known, struct buf *out)
{
    for (const char *const *name = known; *name != NULL; name++)
        buf_printf(out, "%s%s", name == known ? "" : ", ", *name);
}

bool reader_check_fields(const struct reader *reader, const char *const *known, struct err *err)
{
    const char *name;
    json_t *value;
    char quoted[READER_QUOTE_SIZE];
    json_object_foreach((json_t *)reader->object, name, value)
    {
        const char *const *field = known;
        while (*field != NULL && strcmp(*field, name) != 0)
            field++;
        if (*field != NULL)
            continue;
        (void)reader_quote(name, strlen(name), quoted);
        const char *nearest = reader_suggest(name, known);
        if (nearest != NULL)
            return err_set(err, ERR_INPUT, "unknown field '%s%s': did you mean %s?", reader->where, quoted,
                           nearest);
        autobuf struct buf names = BUF_INIT;
        list_fields(known, &names);
        return err_set(err, ERR_INPUT, "unknown field '%s%s'; known here are %s", reader->where, quoted,
                       buf_text(&names));
    }
    return true;
}

const json_t *reader_get(const struct reader *reader, const char *name)
{
    return json_object_get(reader->object, name);
}

/* --- values ------------------------------------------------------------------------------------------- */

bool reader_text_value(const struct reader *reader, const char *name, const json_t *value, struct blob *text,
                       struct err *err)
{
    if (!json_is_string(value))
        return reader_error(reader, name, err, "must be text, is %s", reader_type_name(value));
    const char *data = json_string_value(value);
    size_t size = json_string_length(value);
    const char *nul = memchr(data, '\0', size);
    if (nul != NULL)
        return reader_error(reader, name, err,
                            "holds a NUL character at byte %zu; text cannot: put binary data into files as "
                            "{\"base64\": \"...\"}",
                            (size_t)(nul - data));
    text->data = data;
    text->size = size;
    return true;
}

bool reader_text(const struct reader *reader, const char *name, struct blob *text, struct err *err)
{
    const json_t *value = reader_get(reader, name);
    return value == NULL || reader_text_value(reader, name, value, text, err);
}

bool reader_string(const struct reader *reader, const char *name, const char **text, struct err *err)
{
    struct blob blob = {*text, 0};
    if (!reader_text(reader, name, &blob, err))
        return false;
    *text = blob.data;
    return true;
}

bool reader_id(const struct reader *reader, const char *name, char *id, struct err *err)
{
    struct blob text = {NULL, 0};
    char quoted[READER_QUOTE_SIZE];
    if (!reader_text(reader, name, &text, err))
        return false;
    if (text.data == NULL)
        return true;
    if (!text_is_id(text.data, text.size))
        return reader_error(reader, name, err, "'%s' is not 1 to %d characters of A-Z a-z 0-9 . _ : / -",
                            reader_quote(text.data, text.size, quoted), TEXT_ID_MAX);
    memcpy(id, text.data, text.size + 1);
    return true;
}

bool reader_integer(const struct reader *reader, const char *name, int64_t minimum, int64_t maximum,
                    bool *present, int64_t *value, struct err *err)
{
    const json_t *node = reader_get(reader, name);
    int64_t number;
    if (node == NULL)
        return true;
    if (!json_is_number(node))
        return reader_error(reader, name, err, "must be a whole number, is %s", reader_type_name(node));
    if (json_is_integer(node)) {
        number = json_integer_value(node);
    } else {
        double real = json_real_value(node);
        if (fabs(real) > EXACT_DOUBLE || floor(real) < real)
            return reader_error(reader, name, err, "must be a whole number, is %g", real);
        number = (int64_t)real;
    }
    if (number < minimum && maximum == INT64_MAX)
        return reader_error(reader, name, err, "is %lld, must be at least %lld", (long long)number,
                            (long long)minimum);
    if (number < minimum || number > maximum)
        return reader_error(reader, name, err, "is %lld, must be from %lld to %lld", (long long)number,
                            (long long)minimum, (long long)maximum);
    *value = number;
    if (present != NULL)
        *present = true;
    return true;
}

bool reader_number(const struct reader *reader, const char *name, bool *present, double *value,
                   struct err *err)
{
    const json_t *node = reader_get(reader, name);
    if (node == NULL)
        return true;
    if (!json_is_number(node))
        return reader_error(reader, name, err, "must be a number, is %s", reader_type_name(node));
    *value = json_number_value(node);
    if (present != NULL)
        *present = true;
    return true;
}

bool reader_bool(const struct reader *reader, const char *name, bool *value, struct err *err)
{
    const json_t *node = reader_get(reader, name);
    if (node == NULL)
        return true;
    if (!json_is_boolean(node))
        return reader_error(reader, name, err, "must be true or false, is %s", reader_type_name(node));
    *value = json_is_true(node);
    return true;
}

bool reader_array(const struct reader *reader, const char *name, size_t most, const json_t **array,
                  struct err *err)
{
    const json_t *node = reader_get(reader, name);
    if (node == NULL)
        return true;
    if (!json_is_array(node))
        return reader_error(reader, name, err, "must be an array, is %s", reader_type_name(node));
    if (json_array_size(node) > most)
        return reader_error(reader, name, err, "holds %zu items, at most %zu are allowed",
                            json_array_size(node), most);
    *array = node;
    return true;
}

bool reader_object(const struct reader *reader, const char *name, size_t most, const json_t **object,
                   struct err *err)
{
    const json_t *node = reader_get(reader, name);
    if (node == NULL)
        return true;
    if (!json_is_object(node))
        return reader_error(reader, name, err, "must be an object, is %s", reader_type_name(node));
    if (json_object_size(node) > most)
        return reader_error(reader, name, err, "holds %zu entries, at most %zu are allowed",
                            json_object_size(node), most);
    *object = node;
    return true;
}
