#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/text.h"

#define LINE_MAX_BYTES ((size_t)64 * 1024)

/* The one piece of process-wide state of the library: stderr is process-wide too. */
static struct {
    char program[64];
    enum log_level level;
    bool json;
} state = {"assay", LOG_LEVEL_INFO, false};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_open(const char *program)
{
    (void)snprintf(state.program, sizeof(state.program), "%s", program);
    const char *form = getenv("ASSAY_LOG");
    if (form != NULL && strcmp(form, "json") == 0)
        state.json = true;
    else if (form != NULL && strcmp(form, "text") == 0)
        state.json = false;
    else
        state.json = isatty(STDERR_FILENO) == 0;
}

void log_set_level(const char *name)
{
    for (int i = LOG_LEVEL_DEBUG; i <= LOG_LEVEL_ERROR; i++)
        if (strcmp(name, level_names[i]) == 0)
            state.level = (enum log_level)i;
}

static void text_field(struct buf *line, const char *name, const char *value)
{
    if (value == NULL)
        return;
    if (state.json) {
        buf_printf(line, ",\"%s\":", name);
        text_append_json(line, value, strlen(value));
    } else {
        buf_printf(line, " %s=%s", name, value);
    }
}

static void number_field(struct buf *line, const char *name, long long value)
{
    if (value == 0)
        return;
    if (state.json)
        buf_printf(line, ",\"%s\":%lld", name, value);
    else
        buf_printf(line, " %s=%lld", name, value);
}

static void context_fields(struct buf *line, const struct log_context *context)
{
    if (context == NULL)
        return;
    text_field(line, "job", context->job);
    text_field(line, "task", context->task);
    number_field(line, "attempt", context->attempt);
    text_field(line, "worker", context->worker);
    number_field(line, "slot", context->slot);
}

/* A terminal takes control characters as commands: what came from outside must not drive it. */
static void append_printable(struct buf *line, const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        buf_append_char(line, (unsigned char)*c < 0x20 || *c == 0x7f ? ' ' : *c);
}

static void write_line(struct buf *line)
{
    buf_append_char(line, '\n');
    if (line->failed)
        return;
    size_t done = 0;
    while (done < line->size) { /* one write for a whole line, so that programs can share a file */
        ssize_t n = write(STDERR_FILENO, line->data + done, line->size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        done += (size_t)n;
    }
}

void log_line(enum log_level level, const struct log_context *context, const char *format, ...)
{
    if (level < state.level)
        return;
    int saved_errno = errno;
    autobuf struct buf message = BUF_LIMIT(LINE_MAX_BYTES);
    autobuf struct buf line = BUF_LIMIT(8 * LINE_MAX_BYTES);
    char time[RFC3339_SIZE];
    clock_rfc3339(clock_unix_ms(), time);

    char text[4096];
    va_list args;
    va_start(args, format);
    if (vsnprintf(text, sizeof(text), format, args) < 0)
        text[0] = '\0';
    va_end(args);
    text_append_clean(&message, text, strlen(text));

    if (state.json) {
        buf_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"program\":\"%s\",\"message\":", time,
                   level_names[level], state.program);
        text_append_json(&line, buf_text(&message), message.size);
        context_fields(&line, context);
        buf_append_char(&line, '}');
    } else {
        buf_printf(&line, "%s %-5s %s: ", time, level_names[level], state.program);
        append_printable(&line, buf_text(&message));
        context_fields(&line, context);
    }
    write_line(&line);
    errno = saved_errno;
}
