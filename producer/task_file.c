#include "producer/task_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/loop.h"
#include "common/mem.h"
#include "common/message/names.h"
#include "producer/dispatch.h"

#define BAD_LINES_SHOWN 20

struct task_file_source {
    char *name;
    int fd;
    off_t start; /* where standard input stood */
    bool stream, ended;
    struct lines lines;
    struct judge *judge;
    uint64_t bad;
    /* A stream's window: judged and not taken yet. */
    struct outgoing *ready;
    size_t ready_count, ready_next, window;
    struct loop_watch *watch;
    struct dispatch *dispatch;
};

struct task_file_source *task_file_open(const char *path, struct judge *judge, size_t window, struct err *err)
{
    bool standard = strcmp(path, "-") == 0;
    autofd int fd = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) {
        err_set_errno(err, ERR_INPUT, "open %s", standard ? "standard input" : path);
        return NULL;
    }
    if (S_ISDIR(status.st_mode)) {
        err_set(err, ERR_INPUT, "open %s: it is a folder; name a JSONL file, or - for standard input", path);
        return NULL;
    }
    struct task_file_source *file = calloc(1, sizeof *file);
    if (file == NULL || (file->name = strdup(standard ? "<stdin>" : path)) == NULL ||
        (file->ready = calloc(window, sizeof *file->ready)) == NULL) {
        if (file != NULL)
            free(file->name);
        free(file);
        err_set(err, ERR_NO_MEMORY, "no memory for reading %s", path);
        return NULL;
    }
    file->stream = !S_ISREG(status.st_mode);
    file->start = file->stream ? 0 : lseek(fd, 0, SEEK_CUR);
    file->fd = steal_fd(&fd);
    file->judge = judge;
    judge->keep_index = !file->stream;
    file->window = window;
    lines_init(&file->lines, MESSAGE_SIZE_MAX);
    return file;
}

static void drop_window(struct task_file_source *file)
{
    for (size_t i = file->ready_next; i < file->ready_count; i++)
        outgoing_free(&file->ready[i]);
    file->ready_count = file->ready_next = 0;
}

void task_file_close(struct task_file_source *file)
{
    if (file == NULL)
        return;
    drop_window(file);
    loop_watch_remove(file->watch);
    close_fd(&file->fd);
    lines_free(&file->lines);
    free(file->ready);
    free(file->name);
    free(file);
}

bool task_file_is_stream(const struct task_file_source *file)
{
    return file->stream;
}

const char *task_file_name(const struct task_file_source *file)
{
    return file->name;
}

/* Reads once. At the end `ended` is set. */
static bool read_more(struct task_file_source *file, struct err *err)
{
    size_t room = 0;
    char *place = lines_reserve(&file->lines, &room);
    if (place == NULL)
        return err_set(err, ERR_NO_MEMORY, "no memory for a line of %s", file->name);
    ssize_t size = read(file->fd, place, room);
    if (size < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    if (size < 0)
        return err_set_errno(err, ERR_IO, "read %s", file->name);
    lines_commit(&file->lines, (size_t)size);
    if (size == 0) {
        file->ended = true;
        lines_end(&file->lines);
    }
    return true;
}

/* The next line that is not blank, reading as needed. False: the end, or `err`. */
static bool next_line(struct task_file_source *file, struct line *line, struct err *err)
{
    for (;;) {
        while (lines_next(&file->lines, line)) {
            if (!line_is_blank(line))
                return true;
        }
        if (file->ended || !read_more(file, err))
            return false;
    }
}

static void report_bad(struct task_file_source *file, const struct line *line, const struct err *why)
{
    if (file->bad++ < BAD_LINES_SHOWN)
        (void)fprintf(stderr, "%s:%llu: %s\n", file->name, (unsigned long long)line->number, why->text);
}

static bool bad_lines_error(const struct task_file_source *file, const char *consequence, struct err *err)
{
    if (file->bad > BAD_LINES_SHOWN)
        (void)fprintf(stderr, "%s: %llu more lines with errors\n", file->name,
                      (unsigned long long)(file->bad - BAD_LINES_SHOWN));
    return err_set(err, ERR_INPUT, "%s: %llu of its lines %s no task; %s", file->name,
                   (unsigned long long)file->bad, file->bad == 1 ? "is" : "are", consequence);
}

static bool empty_error(const struct task_file_source *file, struct err *err)
{
    return err_set(err, ERR_INPUT, "%s: no tasks in it; each line must be one task as a JSON object",
                   file->name);
}

bool task_file_judge(struct task_file_source *file, struct err *err)
{
    struct line line;
    while (next_line(file, &line, err)) {
        struct err why = ERR_INIT;
        struct outgoing task;
        enum judged judged = judge_line(file->judge, &line, &task, &why);
        if (judged == JUDGED_TAKEN)
            outgoing_free(&task);
        else if (judged == JUDGED_BAD && why.code != ERR_INPUT) {
            *err = why;
            return false;
        } else if (judged == JUDGED_BAD)
            report_bad(file, &line, &why);
    }
    if (err->code != ERR_NONE)
        return false;
    if (file->bad > 0)
        return bad_lines_error(file, "nothing was published", err);
    if (file->judge->taken + file->judge->left_out == 0)
        return empty_error(file, err);
    if (file->stream)
        return true;
    if (lseek(file->fd, file->start, SEEK_SET) < 0)
        return err_set_errno(err, ERR_IO, "read %s again", file->name);
    lines_free(&file->lines);
    lines_init(&file->lines, MESSAGE_SIZE_MAX);
    file->ended = false;
    return true;
}

static enum source_state next_of_file(void *context, struct outgoing *out, struct err *err)
{
    struct task_file_source *file = context;
    struct line line;
    while (next_line(file, &line, err)) {
        enum judged judged = judge_again(file->judge, &line, out, err);
        if (judged == JUDGED_TAKEN)
            return SOURCE_TASK;
        if (judged == JUDGED_BAD) {
            err_wrap(err, "%s:%llu: the file changed while it was published", file->name,
                     (unsigned long long)line.number);
            err->code = ERR_IO;
            return SOURCE_FAILED;
        }
    }
    if (err->code == ERR_NONE && file->judge->index.next < file->judge->index.count)
        err_set(err, ERR_IO, "%s: the file changed while it was published: lines are gone", file->name);
    return err->code == ERR_NONE ? SOURCE_END : SOURCE_FAILED;
}

static void on_readable(void *context, int fd, uint32_t events)
{
    (void)fd;
    (void)events;
    struct task_file_source *file = context;
    loop_watch_remove(file->watch);
    file->watch = NULL;
}

static bool has_input(const struct task_file_source *file)
{
    struct pollfd poll_fd = {.fd = file->fd, .events = POLLIN};
    return poll(&poll_fd, 1, 0) > 0;
}

/* Judges complete lines until the window is full or the stream would block. False: `err`. */
static bool fill_window(struct task_file_source *file, struct err *err)
{
    while (file->ready_count < file->window) {
        struct line line;
        if (!lines_next(&file->lines, &line)) {
            if (file->ended || !has_input(file))
                return true;
            if (!read_more(file, err))
                return false;
            continue;
        }
        if (line_is_blank(&line))
            continue;
        struct err why = ERR_INIT;
        enum judged judged = judge_line(file->judge, &line, &file->ready[file->ready_count], &why);
        if (judged == JUDGED_TAKEN)
            file->ready_count++;
        else if (judged == JUDGED_BAD && why.code != ERR_INPUT)
            return err_set(err, why.code, "%s", why.text);
        else if (judged == JUDGED_BAD)
            report_bad(file, &line, &why);
    }
    return true;
}

static enum source_state refill(struct task_file_source *file, struct err *err)
{
    file->ready_count = file->ready_next = 0;
    if (!fill_window(file, err))
        return SOURCE_FAILED;
    if (file->bad > 0) {
        char consequence[128];
        uint64_t published = file->judge->taken - file->ready_count;
        drop_window(file);
        (void)snprintf(consequence, sizeof consequence,
                       "the %llu tasks of the windows before were published, nothing behind them",
                       (unsigned long long)published);
        (void)bad_lines_error(file, consequence, err);
        return SOURCE_FAILED;
    }
    if (file->ready_count > 0)
        return SOURCE_TASK;
    if (file->ended) {
        if (file->judge->taken + file->judge->left_out > 0)
            return SOURCE_END;
        (void)empty_error(file, err);
        return SOURCE_FAILED;
    }
    if (file->watch == NULL)
        file->watch = loop_watch_fd(dispatch_loop(file->dispatch), file->fd, EPOLLIN, on_readable, file, err);
    return file->watch != NULL ? SOURCE_LATER : SOURCE_FAILED;
}

static enum source_state next_of_stream(void *context, struct outgoing *out, struct err *err)
{
    struct task_file_source *file = context;
    if (file->ready_next == file->ready_count) {
        enum source_state state = refill(file, err);
        if (state != SOURCE_TASK)
            return state;
    }
    *out = file->ready[file->ready_next++];
    return SOURCE_TASK;
}

void task_file_source(struct task_file_source *file, struct dispatch *dispatch, struct source *source)
{
    memset(source, 0, sizeof *source);
    file->dispatch = dispatch;
    source->context = file;
    source->next = file->stream ? next_of_stream : next_of_file;
}
