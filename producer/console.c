#include "producer/console.h"

#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "producer/results_file.h"
#include "producer/screen.h"
#include "producer/verdict.h"

bool console_open(struct console *console, enum console_output output, const char *results_file,
                  struct err *err)
{
    *console = (struct console){
        .output = output, .colour = screen_has_colour(stdout), .columns = screen_columns(stdout)};
    if (results_file != NULL)
        console->results = results_file_open(results_file, err);
    return results_file == NULL || console->results != NULL;
}

bool console_start(struct console *console, struct err *err)
{
    return console->results == NULL || results_file_empty(console->results, err);
}

static void print_verdict(struct console *console, const struct result *result, const char *body, size_t size)
{
    autobuf struct buf text = BUF_INIT;
    if (console->output == OUTPUT_LINES) {
        verdict_append_line(&text, result, console->colour, console->columns);
    } else {
        if (memchr(body, '\n', size) == NULL)
            buf_append(&text, body, size);
        else
            result_to_json(result, &text);
        buf_append_char(&text, '\n');
    }
    console_clear_progress(console);
    (void)fwrite(text.data, 1, text.size, stdout); /* a failure is found by console_flush */
}

bool console_verdict(struct console *console, const struct result *result, const char *body, size_t size,
                     struct err *err)
{
    if (console->results != NULL && !results_file_add(console->results, result, body, size, err))
        return false;
    if (console->output != OUTPUT_NONE)
        print_verdict(console, result, body, size);
    return true;
}

bool console_flush(struct console *console, struct err *err)
{
    if (console->results != NULL && !results_file_flush(console->results, err))
        return false;
    if (fflush(stdout) != 0 || ferror(stdout))
        return err_set_errno(err, ERR_IO, "write standard output");
    return true;
}

void console_clear_progress(struct console *console)
{
    if (!console->progress_drawn)
        return;
    (void)fputs("\r\033[K", stderr);
    (void)fflush(stderr);
    console->progress_drawn = false;
}

void console_draw_progress(struct console *console, const struct progress *progress, const char *stalled)
{
    autobuf struct buf line = BUF_INIT;
    progress_append(progress, stalled, &line);
    console_clear_progress(console);
    (void)fputs(buf_text(&line), stderr);
    (void)fflush(stderr);
    console->progress_drawn = true;
}

bool console_close(struct console *console, struct err *err)
{
    console_clear_progress(console);
    struct results_file *results = steal_ptr(console->results);
    return results_file_close(results, err);
}
