#include "common/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One line whatever comes in: server texts and file contents may hold newlines and control characters. */
static void flatten(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r' || text[length - 1] == ' '))
        text[--length] = '\0';
    for (char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    }
}

/* A message that had to be cut must not end in half a character: log lines and JSON carry it. */
static void trim_partial_character(char *text, size_t capacity)
{
    size_t length = strlen(text);
    if (length + 1 < capacity)
        return;
    size_t back = 0;
    while (back < 3 && back < length && ((unsigned char)text[length - 1 - back] & 0xc0) == 0x80)
        back++;
    if (back >= length)
        return;
    unsigned char lead = (unsigned char)text[length - 1 - back];
    size_t need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    if (need > back + 1)
        text[length - 1 - back] = '\0';
}

static void set_text(struct err *err, enum err_code code, int sys_errno, const char *format, va_list args)
{
    char text[sizeof(err->text)];
    int written = vsnprintf(text, sizeof(text), format, args);
    if (written < 0)
        text[0] = '\0';
    trim_partial_character(text, sizeof(text));
    flatten(text);
    err->code = code;
    err->sys_errno = sys_errno;
    memcpy(err->text, text, sizeof(text));
}

bool err_set(struct err *err, enum err_code code, const char *format, ...)
{
    if (err == NULL)
        return false;
    va_list args;
    va_start(args, format);
    set_text(err, code, 0, format, args);
    va_end(args);
    return false;
}

bool err_set_errno(struct err *err, enum err_code code, const char *format, ...)
{
    int saved = errno;
    if (err == NULL)
        return false;
    va_list args;
    va_start(args, format);
    set_text(err, code, saved, format, args);
    va_end(args);
    size_t length = strlen(err->text);
    (void)snprintf(err->text + length, sizeof(err->text) - length, ": %s", strerror(saved));
    return false;
}

/* "<context>: " in front; what does not fit is cut at the end. */
static void prepend(struct err *err, const char *context)
{
    char inner[sizeof(err->text)];
    const char *const parts[] = {context, ": ", inner};
    memcpy(inner, err->text, sizeof(inner));
    size_t used = 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        size_t room = sizeof(err->text) - 1 - used;
        size_t length = strnlen(parts[i], room);
        memcpy(err->text + used, parts[i], length);
        used += length;
    }
    err->text[used] = '\0';
    trim_partial_character(err->text, sizeof(err->text));
}

bool err_wrap(struct err *err, const char *format, ...)
{
    if (err == NULL)
        return false;
    char context[sizeof(err->text)];
    va_list args;
    va_start(args, format);
    if (vsnprintf(context, sizeof(context), format, args) < 0)
        context[0] = '\0';
    va_end(args);
    prepend(err, context);
    flatten(err->text);
    return false;
}

void err_clear(struct err *err)
{
    if (err == NULL)
        return;
    err->code = ERR_NONE;
    err->sys_errno = 0;
    err->text[0] = '\0';
}

const char *err_code_name(enum err_code code)
{
    switch (code) {
    case ERR_NONE:
        return "none";
    case ERR_USAGE:
        return "usage";
    case ERR_CONFIG:
        return "config";
    case ERR_INPUT:
        return "input";
    case ERR_UNREACHABLE:
        return "unreachable";
    case ERR_DENIED:
        return "denied";
    case ERR_PROTOCOL:
        return "protocol";
    case ERR_IO:
        return "io";
    case ERR_NO_MEMORY:
        return "no_memory";
    case ERR_INFRA:
        return "infra";
    case ERR_INTERNAL:
        return "internal";
    }
    return "unknown";
}

int err_exit_status(enum err_code code)
{
    switch (code) {
    case ERR_NONE:
        return 0;
    case ERR_USAGE:
    case ERR_CONFIG:
    case ERR_INPUT:
        return 2;
    case ERR_UNREACHABLE:
    case ERR_DENIED:
        return 3;
    default:
        return 4;
    }
}
