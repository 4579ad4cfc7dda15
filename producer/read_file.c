#include "producer/read_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"

bool read_file_append(const char *path, size_t max_bytes, struct buf *out, struct err *err)
{
    autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0)
        return err_set_errno(err, ERR_INPUT, "open %s", path);
    if (S_ISDIR(status.st_mode))
        return err_set(err, ERR_INPUT, "read %s: it is a folder", path);
    for (size_t total = 0;;) {
        size_t room = 64 * 1024;
        char *place = buf_reserve(out, room);
        if (place == NULL)
            return err_set(err, ERR_NO_MEMORY, "read %s: no memory", path);
        ssize_t size = read(fd, place, room);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return err_set_errno(err, ERR_IO, "read %s", path);
        if (size == 0)
            return true;
        buf_commit(out, (size_t)size);
        total += (size_t)size;
        if (total > max_bytes)
            return err_set(err, ERR_INPUT, "read %s: it is larger than %zu bytes", path, max_bytes);
    }
}
