#include "common/message/writer.h"

#include <string.h>

#include "common/clock.h"
#include "common/text.h"

void writer_start(struct writer *writer)
{
    writer->root = json_object();
    writer->failed = writer->root == NULL;
}

void writer_put(struct writer *writer, const char *name, json_t *value)
{
    if (json_object_set_new(writer->root, name, value) != 0)
        writer->failed = true;
}

void writer_put_integer(struct writer *writer, const char *name, int64_t value)
{
    writer_put(writer, name, json_integer(value));
}

void writer_put_optional(struct writer *writer, const char *name, bool present, int64_t value)
{
    writer_put(writer, name, present ? json_integer(value) : json_null());
}

void writer_put_bool(struct writer *writer, const char *name, bool value)
{
    writer_put(writer, name, json_boolean(value));
}

json_t *writer_string(const char *text)
{
    json_t *string = json_string(text);
    if (string != NULL)
        return string;
    autobuf struct buf clean = BUF_INIT;
    text_append_clean(&clean, text, strlen(text));
    return clean.failed ? NULL : json_stringn(buf_text(&clean), clean.size);
}

void writer_put_text(struct writer *writer, const char *name, const char *text)
{
    writer_put(writer, name, text != NULL ? writer_string(text) : json_null());
}

void writer_put_time(struct writer *writer, const char *name, int64_t unix_ms)
{
    char text[RFC3339_SIZE];
    if (unix_ms == 0) {
        writer_put(writer, name, json_null());
        return;
    }
    clock_rfc3339(unix_ms, text);
    writer_put(writer, name, json_string(text));
}

void writer_put_shared(struct writer *writer, const char *name, json_t *value, json_t *otherwise)
{
    if (value == NULL) {
        writer_put(writer, name, otherwise);
        return;
    }
    json_decref(otherwise);
    writer_put(writer, name, json_incref(value));
}

static int append_piece(const char *piece, size_t size, void *out)
{
    buf_append(out, piece, size);
    return 0;
}

void writer_finish(struct writer *writer, struct buf *out)
{
    if (writer->failed || json_dump_callback(writer->root, append_piece, out, JSON_COMPACT) != 0)
        out->failed = true;
    json_decref(writer->root);
    writer->root = NULL;
}
