/*
 * JSON text of the usual form to jansson's trees. jansson takes a text byte by byte, with a call and a copy
 * for each, which is most of what reading a message costs; here what lies between quotes is taken as a whole.
 * What this does not take, valid or not, jansson is asked: it has the last word, and the words of its errors.
 * Pure.
 */
#ifndef ASSAY_COMMON_MESSAGE_JSON_TEXT_H
#define ASSAY_COMMON_MESSAGE_JSON_TEXT_H

#include <stddef.h>

struct json_t;

/* `text` is UTF-8. A new reference to what json_loadb with JSON_REJECT_DUPLICATES would make of it, or NULL:
 * not an object, an error, no memory, or something rare (a name with an escape, \u0000, deep nesting, a
 * number of many digits). */
struct json_t *json_text_load(const char *text, size_t size);

#endif
