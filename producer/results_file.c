#include "producer/results_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"

struct results_file {
    FILE *stream;
    char *path;
};

static bool failed(const struct results_file *file, struct err *err)
{
    return err_set_errno(err, ERR_IO, "write results file %s (the verdicts are in the database as well)",
                         file->path);
}

struct results_file *results_file_open(const char *path, struct err *err)
{
    autofd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        err_set_errno(err, ERR_IO, "open results file %s; nothing was published", path);
        return NULL;
    }
    struct results_file *file = calloc(1, sizeof *file);
    if (file != NULL) {
        file->path = strdup(path);
        file->stream = fdopen(fd, "w");
    }
    if (file == NULL || file->path == NULL || file->stream == NULL) {
        if (file != NULL)
            free(file->path);
        free(file);
        err_set(err, ERR_NO_MEMORY, "no memory for the results file");
        return NULL;
    }
    (void)steal_fd(&fd);
    return file;
}

bool results_file_empty(struct results_file *file, struct err *err)
{
    struct stat status;
    int fd = fileno(file->stream);
    if (fstat(fd, &status) != 0 || (S_ISREG(status.st_mode) && ftruncate(fd, 0) != 0))
        return failed(file, err);
    return true;
}

bool results_file_add(struct results_file *file, const struct result *result, const char *body, size_t size,
                      struct err *err)
{
    autobuf struct buf again = BUF_INIT;
    if (memchr(body, '\n', size) != NULL) {
        result_to_json(result, &again);
        if (again.failed)
            return err_set(err, ERR_NO_MEMORY, "no memory for a result");
        body = again.data;
        size = again.size;
    }
    if (fwrite(body, 1, size, file->stream) != size || fputc('\n', file->stream) == EOF)
        return failed(file, err);
    return true;
}

bool results_file_flush(struct results_file *file, struct err *err)
{
    return fflush(file->stream) == 0 || failed(file, err);
}

bool results_file_close(struct results_file *file, struct err *err)
{
    if (file == NULL)
        return true;
    bool good = fflush(file->stream) == 0 || failed(file, err);
    if (fclose(file->stream) != 0 && good)
        good = failed(file, err);
    free(file->path);
    free(file);
    return good;
}
