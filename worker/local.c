#include "worker/local.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"
#include "worker/lines.h"
#include "worker/verdict.h"

#define PROGRESS_MS 200

struct local {
    const struct local_options *options;
    struct lines lines;
    struct loop_watch *watch; /* NULL: a regular file, read when wanted */
    bool watching;
    bool input_over;
    unsigned outstanding; /* submitted, without a verdict */
    int64_t done, passed;
    int64_t started_ms, shown_ms;
    bool show_progress;
    struct err failure; /* of reading or of standard output */
};

struct local_task {
    struct local *local;
    struct task *task;
    struct work work;
};

static void fail(struct local *local, const struct err *err)
{
    if (local->failure.code == ERR_NONE)
        local->failure = *err;
}

static void show_progress(struct local *local, bool last)
{
    int64_t now_ms = clock_ms();
    if (!local->show_progress || (!last && now_ms - local->shown_ms < PROGRESS_MS))
        return;
    local->shown_ms = now_ms;
    double seconds = (double)(now_ms - local->started_ms + 1) / 1000.0;
    (void)fprintf(stderr, "\r\033[K%" PRId64 " done, %" PRId64 " passed, %.1f a second%s", local->done,
                  local->passed, (double)local->done / seconds, last ? "\n" : "");
}

static void print_result(struct local *local, struct result *result)
{
    autobuf struct buf line = BUF_INIT;
    struct err err = ERR_INIT;
    result_to_json(result, &line);
    buf_append_char(&line, '\n');
    if (line.failed)
        (void)err_set(&err, ERR_NO_MEMORY, "cannot build the result of task %s", result->task_id);
    else if (fwrite(line.data, 1, line.size, stdout) != line.size || fflush(stdout) != 0)
        (void)err_set_errno(&err, ERR_IO, "write the result of task %s to standard output", result->task_id);
    if (err.code != ERR_NONE)
        fail(local, &err);
    local->done++;
    local->passed += result->status == STATUS_PASS;
    show_progress(local, false);
}

static void on_done(void *owner, struct work *work, struct result *result)
{
    struct local_task *item = owner;
    struct local *local = item->local;
    (void)work;
    local->outstanding--;
    print_result(local, result);
    result_free(result);
    task_free(item->task);
    free(item);
}

static void refuse(struct local *local, const struct task_identity *identity, const struct err *why)
{
    autobuf struct buf text = BUF_INIT;
    buf_printf(&text, "line %" PRId64 ": %s", local->lines.number, why->text);
    struct result *result = verdict_for_bad_task(identity, buf_text(&text));
    struct err err = ERR_INIT;
    if (result == NULL) {
        (void)err_set(&err, ERR_NO_MEMORY, "line %" PRId64 ": out of memory", local->lines.number);
        fail(local, &err);
        return;
    }
    result->worker = strdup(local->options->worker);
    result->attempt = 1;
    result->finished_at_ms = clock_unix_ms();
    print_result(local, result);
    result_free(result);
}

static void submit(struct local *local, const char *line, size_t size)
{
    struct task_rules rules = {.runtimes = local->options->runtimes, .content_id = true};
    struct task_identity identity;
    struct err err = ERR_INIT;
    struct task *task = task_parse(line, size, &rules, &identity, &err);
    if (task == NULL) {
        refuse(local, &identity, &err);
        return;
    }
    struct local_task *item = calloc(1, sizeof *item);
    if (item == NULL) {
        task_free(task);
        (void)err_set(&err, ERR_NO_MEMORY, "line %" PRId64 ": out of memory", local->lines.number);
        fail(local, &err);
        return;
    }
    *item = (struct local_task){.local = local,
                                .task = task,
                                .work = {.task = task, .lane = task->lane, .owner = item, .done = on_done}};
    local->outstanding++;
    runner_submit(local->options->runner, &item->work);
}

static void refuse_long_line(struct local *local, const char *line, size_t size)
{
    struct task_identity identity = {.job_id = "default"};
    struct err err = ERR_INIT;
    task_content_id(line, size, identity.task_id);
    (void)err_set(&err, ERR_INPUT, "longer than %zu bytes", LINES_SIZE_MAX);
    refuse(local, &identity, &err);
}

static void watch_input(struct local *local, bool wanted)
{
    struct err err = ERR_INIT;
    if (local->watch == NULL || local->watching == wanted)
        return;
    local->watching = wanted;
    if (!loop_watch_change(local->watch, wanted ? EPOLLIN : 0, &err))
        fail(local, &err);
}

/* Takes lines while the slots want some: a bound on memory, however long the file is. */
static void feed(struct local *local)
{
    while (!local->input_over && local->outstanding < 2 * local->options->slots &&
           local->failure.code == ERR_NONE) {
        const char *line;
        size_t size;
        struct err err = ERR_INIT;
        switch (lines_next(&local->lines, &line, &size)) {
        case LINES_LINE:
            submit(local, line, size);
            break;
        case LINES_TOO_LONG:
            refuse_long_line(local, line, size);
            break;
        case LINES_NEED_INPUT:
            if (local->watch != NULL) {
                watch_input(local, true);
                return;
            }
            if (!lines_read(&local->lines, &err))
                fail(local, &err);
            break;
        case LINES_END:
            local->input_over = true;
            break;
        }
    }
    watch_input(local, false);
}

static void on_readable(void *context, int fd, uint32_t events)
{
    struct local *local = context;
    struct err err = ERR_INIT;
    (void)fd;
    (void)events;
    if (local->watching && !lines_read(&local->lines, &err))
        fail(local, &err);
}

static bool open_input(struct local *local, struct loop *loop, int *fd, struct err *err)
{
    const char *file = local->options->file;
    bool standard_input = strcmp(file, "-") == 0;
    *fd = standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(file, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (*fd < 0 || fstat(*fd, &status) != 0)
        return err_set_errno(err, ERR_INPUT, "open %s", file);
    if (S_ISDIR(status.st_mode))
        return err_set(err, ERR_INPUT, "open %s: it is a directory", file);
    lines_init(&local->lines, *fd);
    struct err watch_err = ERR_INIT;
    local->watch = loop_watch_fd(loop, *fd, EPOLLIN, on_readable, local, &watch_err);
    local->watching = local->watch != NULL;
    /* EPERM: a regular file, which is always readable. */
    if (local->watch == NULL && watch_err.sys_errno != EPERM) {
        *err = watch_err;
        return false;
    }
    return true;
}

static bool run(struct local *local, struct loop *loop, struct err *err)
{
    while (local->failure.code == ERR_NONE) {
        feed(local);
        int64_t now_ms = clock_ms();
        int64_t next_ms = runner_step(local->options->runner, now_ms);
        if (local->input_over && local->outstanding == 0)
            break;
        if (!local->input_over && local->outstanding < 2 * local->options->slots && !local->watching)
            continue; /* a verdict without a run: there is room for more at once */
        int timeout_ms = next_ms < 0 ? -1 : next_ms <= now_ms ? 0 : (int)(next_ms - now_ms);
        if (local->failure.code == ERR_NONE && !loop_step(loop, timeout_ms, err))
            return false;
    }
    show_progress(local, true);
    if (local->failure.code != ERR_NONE) {
        *err = local->failure;
        return false;
    }
    if (local->done == 0)
        return err_set(err, ERR_INPUT, "%s holds no task", local->options->file);
    return true;
}

bool local_run(struct loop *loop, const struct local_options *options, bool *all_passed, struct err *err)
{
    struct local local = {
        .options = options, .started_ms = clock_ms(), .show_progress = isatty(STDERR_FILENO) == 1};
    autofd int fd = -1;
    bool ok = open_input(&local, loop, &fd, err) && run(&local, loop, err);
    if (!ok && err->code != ERR_NONE && strcmp(options->file, "-") != 0 && local.done > 0)
        (void)err_wrap(err, "%s", options->file);
    *all_passed = ok && local.passed == local.done;
    loop_watch_remove(local.watch);
    lines_free(&local.lines);
    return ok;
}
