#include "worker/sandbox/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"

#define BLOB_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

bool wire_send(int socket, const void *frame, size_t size, const int *fds, size_t fd_count, struct err *err)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX)];
    } control;
    struct iovec part = {.iov_base = (void *)(uintptr_t)frame, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    memset(&control, 0, sizeof(control));
    if (fd_count > WIRE_FDS_MAX)
        return err_set(err, ERR_INTERNAL, "send to the sandbox: %zu descriptors are too many", fd_count);
    if (fd_count > 0) {
        message.msg_control = control.space;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * fd_count);
    }
    ssize_t sent;
    do
        sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return err_set_errno(err, ERR_INFRA, "send to the sandbox");
    return true;
}

/* The descriptors of a message, all of them, so that none can leak. */
static size_t take_fds(struct msghdr *message, int *fds)
{
    size_t count = 0;

    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        size_t here = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < here; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
            if (count < WIRE_FDS_MAX)
                fds[count++] = fd;
            else
                (void)close(fd);
        }
    }
    return count;
}

enum wire_result wire_receive(int socket, void *frame, size_t size, int *fds, size_t *fd_count, int flags,
                              struct err *err)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX)];
    } control;
    struct iovec part = {.iov_base = frame, .iov_len = size};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof(control.space)};
    uint32_t version;
    ssize_t got;

    *fd_count = 0;
    do
        got = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return WIRE_EMPTY;
    if (got == 0 || (got < 0 && errno == ECONNRESET))
        return WIRE_CLOSED;
    if (got < 0) {
        err_set_errno(err, ERR_INFRA, "receive from the sandbox");
        return WIRE_BROKEN;
    }
    *fd_count = take_fds(&message, fds);
    if ((size_t)got != size || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        wire_close_fds(fds, *fd_count);
        *fd_count = 0;
        err_set(err, ERR_INFRA, "receive from the sandbox: a frame of %zd bytes instead of %zu", got, size);
        return WIRE_BROKEN;
    }
    memcpy(&version, frame, sizeof(version));
    if (version != WIRE_VERSION) {
        wire_close_fds(fds, *fd_count);
        *fd_count = 0;
        err_set(err, ERR_INFRA, "the sandbox speaks version %u instead of %u: install one build as a whole",
                version, WIRE_VERSION);
        return WIRE_BROKEN;
    }
    return WIRE_GOT;
}

void wire_close_fds(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close_fd(&fds[i]);
}

void wire_blob_open(struct wire_blob *blob)
{
    *blob = (struct wire_blob){.fd = -1};
    blob->fd = memfd_create("assay", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (blob->fd < 0) {
        blob->failed = true;
        blob->failure = errno;
    }
}

static void blob_write(struct wire_blob *blob, const char *from, size_t size)
{
    while (!blob->failed && size > 0) {
        ssize_t written = write(blob->fd, from, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            blob->failed = true;
            blob->failure = errno;
            return;
        }
        from += written;
        size -= (size_t)written;
    }
}

static void blob_flush(struct wire_blob *blob)
{
    blob_write(blob, blob->gather, blob->gathered);
    blob->gathered = 0;
}

static void blob_add(struct wire_blob *blob, const void *data, size_t size)
{
    if (!blob->failed && size > WIRE_BLOB_MAX - blob->size) {
        blob->failed = true;
        blob->failure = EFBIG;
    }
    if (blob->failed || size == 0)
        return;
    blob->size += size;
    if (size > sizeof(blob->gather) - blob->gathered)
        blob_flush(blob);
    if (size > sizeof(blob->gather)) {
        blob_write(blob, data, size);
        return;
    }
    memcpy(blob->gather + blob->gathered, data, size);
    blob->gathered += size;
}

void wire_blob_string(struct wire_blob *blob, const char *text)
{
    blob_add(blob, text, strlen(text) + 1);
    blob->items++;
}

/* Between its path and its content. */
struct file_header {
    uint64_t size;
    uint64_t executable;
};

void wire_blob_file(struct wire_blob *blob, const char *path, bool executable, const void *data, size_t size)
{
    struct file_header header = {.size = size, .executable = executable};

    wire_blob_string(blob, path);
    blob_add(blob, &header, sizeof(header));
    blob_add(blob, data, size);
}

int wire_blob_seal(struct wire_blob *blob, struct err *err)
{
    blob_flush(blob);
    if (blob->failed) {
        errno = blob->failure;
        err_set_errno(err, ERR_INFRA, "write %zu bytes for the sandbox into a memfd", blob->size);
        return -1;
    }
    if (fcntl(blob->fd, F_ADD_SEALS, BLOB_SEALS) != 0) {
        err_set_errno(err, ERR_INFRA, "seal a memfd for the sandbox");
        return -1;
    }
    return steal_fd(&blob->fd);
}

void wire_blob_discard(struct wire_blob *blob)
{
    close_fd(&blob->fd);
}

bool wire_view_open(struct wire_view *view, int fd, struct err *err)
{
    struct stat status;

    memset(view, 0, sizeof(*view));
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & BLOB_SEALS) != BLOB_SEALS)
        return err_set(err, ERR_INTERNAL, "the sandbox got a blob that is not sealed");
    if (fstat(fd, &status) != 0)
        return err_set_errno(err, ERR_INFRA, "look at a blob for the sandbox");
    view->size = (size_t)status.st_size;
    if (view->size == 0)
        return true;
    void *data = mmap(NULL, view->size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
        view->size = 0;
        return err_set_errno(err, ERR_INFRA, "map %jd bytes for the sandbox", (intmax_t)status.st_size);
    }
    view->data = data;
    return true;
}

void wire_view_close(struct wire_view *view)
{
    if (view->data != NULL)
        (void)munmap((void *)(uintptr_t)view->data, view->size);
    memset(view, 0, sizeof(*view));
}

const char *wire_view_string(struct wire_view *view)
{
    if (view->at >= view->size)
        return NULL;
    const char *text = view->data + view->at;
    const char *end = memchr(text, '\0', view->size - view->at);
    if (end == NULL)
        return NULL;
    view->at += (size_t)(end - text) + 1;
    return text;
}

bool wire_view_file(struct wire_view *view, struct wire_file *file)
{
    struct file_header header;

    file->path = wire_view_string(view);
    if (file->path == NULL || view->size - view->at < sizeof(header))
        return false;
    memcpy(&header, view->data + view->at, sizeof(header));
    view->at += sizeof(header);
    if (header.size > view->size - view->at || header.executable > 1)
        return false;
    file->executable = header.executable != 0;
    file->data = view->data + view->at;
    file->size = (size_t)header.size;
    view->at += (size_t)header.size;
    return true;
}
