#include "collector/array.h"

#include <endian.h>
#include <string.h>

static void append_element(const char *value, bool first, struct buf *out)
{
    if (!first)
        buf_append_char(out, ',');
    if (value == NULL) {
        buf_append_text(out, "NULL");
        return;
    }
    buf_append_char(out, '"');
    for (const char *c = value; *c != '\0';) {
        size_t plain = strcspn(c, "\"\\");
        buf_append(out, c, plain);
        c += plain;
        if (*c != '\0') {
            buf_append_char(out, '\\');
            buf_append_char(out, *c++);
        }
    }
    buf_append_char(out, '"');
}

void array_append(const char *const *values, size_t count, struct buf *out)
{
    buf_append_char(out, '{');
    for (size_t i = 0; i < count; i++)
        append_element(values[i], i == 0, out);
    buf_append_char(out, '}');
}

void array_append_head(uint32_t type, size_t count, struct buf *out)
{
    /* Dimensions, may there be a NULL, the type; of the one dimension: elements, the first one's index. */
    const uint32_t head[] = {htobe32(1), htobe32(1), htobe32(type), htobe32((uint32_t)count), htobe32(1)};
    _Static_assert(sizeof head == ARRAY_HEAD_BYTES, "what row_append_array counts with");
    buf_append(out, head, sizeof head);
}

void array_append_null(struct buf *out)
{
    const uint32_t none = UINT32_MAX;
    buf_append(out, &none, sizeof none);
}
