#include "producer/screen.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool screen_has_colour(FILE *stream)
{
    const char *none = getenv("NO_COLOR"); /* https://no-color.org: set and not empty */
    const char *term = getenv("TERM");
    return isatty(fileno(stream)) == 1 && (none == NULL || none[0] == '\0') &&
           (term == NULL || strcmp(term, "dumb") != 0);
}

size_t screen_columns(FILE *stream)
{
    struct winsize size;
    if (isatty(fileno(stream)) != 1)
        return 0;
    return ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

const char *screen_on(enum screen_colour colour, bool enabled)
{
    static const char *const codes[] = {"",         "\033[32m", "\033[31m", "\033[33m",
                                        "\033[35m", "\033[1m",  "\033[2m"};
    return enabled ? codes[colour] : "";
}

const char *screen_off(bool enabled)
{
    return enabled ? "\033[0m" : "";
}

static bool starts_code_point(unsigned char c)
{
    return (c & 0xC0) != 0x80;
}

size_t screen_width(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += starts_code_point((unsigned char)*text);
    return width;
}

/* C0 controls, DEL, and the C1 controls as UTF-8 has them (C2 80 to C2 9F): some terminals obey those too. */
static size_t control_size(const char *text)
{
    unsigned char c = (unsigned char)text[0];
    if (c < 0x20 || c == 0x7F)
        return 1;
    return c == 0xC2 && (unsigned char)text[1] >= 0x80 && (unsigned char)text[1] < 0xA0 ? 2 : 0;
}

void screen_append_line(struct buf *out, const char *text, size_t columns)
{
    size_t used = 0;
    bool cut = columns > 0 && screen_width(text) > columns;
    size_t most = cut ? columns - 1 : columns;
    while (*text != '\0') {
        if (starts_code_point((unsigned char)*text) && cut && used++ >= most)
            break;
        size_t control = control_size(text);
        if (control == 0)
            buf_append_char(out, *text);
        else
            buf_append_char(out, *text == '\n' || *text == '\t' ? ' ' : '?');
        text += control > 0 ? control : 1;
    }
    if (cut)
        buf_append_text(out, "\xE2\x80\xA6");
}

static const char *last_lines(const char *text, size_t lines_max)
{
    const char *at = text + strlen(text);
    if (at > text && at[-1] == '\n')
        at--;
    for (size_t lines = 0; at > text; at--) {
        if (at[-1] == '\n' && ++lines == lines_max)
            break;
    }
    return at;
}

void screen_append_block(struct buf *out, const char *text, const char *indent, size_t lines_max)
{
    const char *from = lines_max > 0 ? last_lines(text, lines_max) : text;
    if (from != text)
        buf_printf(out, "%s...\n", indent);
    while (*from != '\0') {
        size_t size = strcspn(from, "\n");
        char *line = strndup(from, size);
        buf_append_text(out, indent);
        if (line != NULL)
            screen_append_line(out, line, 0);
        buf_append_char(out, '\n');
        free(line);
        from += size;
        from += *from == '\n';
    }
}

void screen_append_duration(struct buf *out, long long ms)
{
    long long seconds = ms / 1000;
    if (ms < 1000)
        buf_printf(out, "%lld ms", ms);
    else if (seconds < 60)
        buf_printf(out, "%lld.%lld s", seconds, ms % 1000 / 100);
    else if (seconds < 3600)
        buf_printf(out, "%lld min %02lld s", seconds / 60, seconds % 60);
    else
        buf_printf(out, "%lld h %02lld min", seconds / 3600, seconds % 3600 / 60);
}

void screen_append_json(struct buf *out, const char *text)
{
    buf_append_char(out, '"');
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c < 0x20)
            buf_printf(out, "\\u%04x", c);
        else
            buf_append_char(out, (char)c);
    }
    buf_append_char(out, '"');
}
