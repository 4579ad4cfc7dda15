#include "producer/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/text.h"

static const char header[] = "assay.journal.v1\n";
/* Two ids, a space, a newline. */
#define LINE_MAX_BYTES (2 * TEXT_ID_MAX + 2)

struct journal {
    int fd;
    char *path;
};

static bool is_entry(char *line, size_t size, const char **job_id, const char **task_id)
{
    char *space = memchr(line, ' ', size);
    if (space == NULL)
        return false;
    *space = '\0';
    line[size] = '\0';
    *job_id = line;
    *task_id = space + 1;
    return text_is_id(*job_id, (size_t)(space - line)) &&
           text_is_id(*task_id, size - (size_t)(space + 1 - line));
}

/* All of the file is the beginning of a header: any other file, also one that begins with a zero, is left
 * alone. */
static bool is_cut_header(FILE *file, const char *text, size_t size)
{
    return feof(file) && ftello(file) == (off_t)size && strncmp(text, header, size) == 0;
}

/* Hands over complete lines; `*good_size` is where the last of them ends. */
static bool read_entries(struct journal *journal, FILE *file, journal_entry_fn *entry, void *context,
                         off_t *good_size, struct err *err)
{
    char line[LINE_MAX_BYTES + 2];
    for (uint64_t number = 1; fgets(line, sizeof line, file) != NULL; number++) {
        size_t size = strlen(line);
        const char *job_id = NULL;
        const char *task_id = NULL;
        if (size == 0 || line[size - 1] != '\n') {
            if (number > 1 ? size == 0 || feof(file) : is_cut_header(file, line, size))
                break; /* cut by a kill, or by the machine's end, which may leave zeros */
        } else if (number == 1 ? strcmp(line, header) == 0 : is_entry(line, size - 1, &job_id, &task_id)) {
            *good_size += (off_t)size;
            if (number > 1)
                entry(context, job_id, task_id);
            continue;
        }
        return err_set(err, ERR_INPUT, "%s:%llu: this is no journal of assay-producer; name another file",
                       journal->path, (unsigned long long)number);
    }
    return ferror(file) == 0 || err_set_errno(err, ERR_IO, "read journal %s", journal->path);
}

static bool append(struct journal *journal, const char *text, size_t size, struct err *err)
{
    while (size > 0) {
        ssize_t written = write(journal->fd, text, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return err_set_errno(err, ERR_IO, "write journal %s", journal->path);
        text += written;
        size -= (size_t)written;
    }
    return true;
}

/* The journal is read once, up to the last whole line, and appended to from there. */
static bool load(struct journal *journal, journal_entry_fn *entry, void *context, struct err *err)
{
    off_t good_size = 0;
    int again = dup(journal->fd);
    FILE *file = again >= 0 ? fdopen(again, "r") : NULL;
    if (file == NULL) {
        close_fd(&again);
        return err_set_errno(err, ERR_IO, "read journal %s", journal->path);
    }
    bool good = read_entries(journal, file, entry, context, &good_size, err);
    (void)fclose(file);
    if (good && (ftruncate(journal->fd, good_size) != 0 || lseek(journal->fd, good_size, SEEK_SET) < 0))
        good = err_set_errno(err, ERR_IO, "cut journal %s", journal->path);
    return good && (good_size > 0 || append(journal, header, sizeof header - 1, err));
}

struct journal *journal_open(const char *path, journal_entry_fn *entry, void *context, struct err *err)
{
    struct journal *journal = calloc(1, sizeof *journal);
    struct stat status;
    if (journal == NULL || (journal->path = strdup(path)) == NULL) {
        free(journal);
        err_set(err, ERR_NO_MEMORY, "no memory for the journal");
        return NULL;
    }
    journal->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    bool good = false;
    if (journal->fd < 0 || fstat(journal->fd, &status) != 0)
        err_set_errno(err, ERR_IO, "open journal %s; nothing was published", path);
    else if (!S_ISREG(status.st_mode))
        err_set(err, ERR_INPUT, "journal %s: is no regular file; name another one", path);
    else if (flock(journal->fd, LOCK_EX | LOCK_NB) != 0)
        err_set(err, ERR_INPUT, "journal %s: another producer holds it; wait for its end", path);
    else
        good = load(journal, entry, context, err);
    if (good)
        return journal;
    journal_close(journal);
    return NULL;
}

bool journal_note(struct journal *journal, const char *job_id, const char *task_id, struct err *err)
{
    char line[LINE_MAX_BYTES + 1];
    int size = snprintf(line, sizeof line, "%s %s\n", job_id, task_id);
    return append(journal, line, (size_t)size, err);
}

void journal_close(struct journal *journal)
{
    if (journal == NULL)
        return;
    close_fd(&journal->fd);
    free(journal->path);
    free(journal);
}
