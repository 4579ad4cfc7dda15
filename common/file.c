#include "common/file.h"

#include <errno.h>
#include <fcntl.h>

#include "common/mem.h"

#define CHUNK ((size_t)8192)

bool file_read(const char *path, size_t most, struct buf *out, struct err *err)
{
    autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, ERR_CONFIG, "open %s", path);
    size_t start = out->size;
    for (;;) {
        char *room = buf_reserve(out, CHUNK);
        if (room == NULL)
            return err_set(err, ERR_NO_MEMORY, "read %s: out of memory", path);
        ssize_t size = read(fd, room, CHUNK);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return err_set_errno(err, ERR_CONFIG, "read %s", path);
        buf_commit(out, (size_t)size);
        if (out->size - start > most)
            return err_set(err, ERR_CONFIG, "read %s: larger than %zu bytes", path, most);
        if (size == 0)
            return true;
    }
}
