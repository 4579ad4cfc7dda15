#include "worker/slot_io.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"

#define READ_SIZE       ((size_t)64 * 1024)
#define READS_AT_A_TIME 4 /* then the other slots have their turn */
#define PIPE_BYTES      (1024 * 1024)
/* What is left in a pipe fits into its size; more than twice that is a writer that outlived its step. */
#define DRAIN_BYTES_MAX ((size_t)2 * 1024 * 1024)

/* Of a pipe's or a socket's end that was just made, which has no other flag to lose. */
static bool set_nonblocking(int fd)
{
    return fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
}

/* The program's standard streams. /dev/stdin and its like are opened by path, by whatever uid the slot has;
 * no other process can reach them. A larger pipe (as large as an ordinary user may make it) spares wake-ups,
 * and runtimes that write without blocking their errors; a smaller one is no failure. */
static bool open_pipe(int ends[2], struct err *err)
{
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_set_errno(err, ERR_INFRA, "make a pipe for a step");
    (void)fchmod(ends[0], 0666);
    (void)fcntl(ends[0], F_SETPIPE_SZ, PIPE_BYTES);
    return true;
}

/* False at the end of the stream and when nothing is there. */
static bool read_piece(struct slot_reader *reader, size_t *size)
{
    static char piece[READ_SIZE]; /* handed on before anything else can read */
    ssize_t got;
    do
        got = read(reader->fd, piece, sizeof(piece));
    while (got < 0 && errno == EINTR);
    if (got < 0 && errno == EAGAIN)
        return false;
    if (got <= 0) {
        slot_reader_close(reader);
        return false;
    }
    *size = (size_t)got;
    reader->sink(reader->context, piece, (size_t)got);
    return reader->fd >= 0;
}

static void on_readable(void *context, int fd, uint32_t events)
{
    struct slot_reader *reader = context;
    size_t size = READ_SIZE;
    (void)fd;
    (void)events;
    /* Less than was asked for is most often all that there is, and epoll tells when it is not. */
    for (int i = 0; i < READS_AT_A_TIME && size == READ_SIZE && read_piece(reader, &size); i++)
        continue;
}

static bool watch_reader(struct slot_reader *reader, struct loop *loop, slot_sink_fn *sink, void *context,
                         int ends[2], int *program_end, struct err *err)
{
    *reader = (struct slot_reader){.fd = ends[0], .sink = sink, .context = context};
    if (!set_nonblocking(ends[0])) {
        (void)err_set_errno(err, ERR_INFRA, "set up a pipe for a step");
    } else {
        reader->watch = loop_watch_fd(loop, ends[0], EPOLLIN, on_readable, reader, err);
        if (reader->watch != NULL) {
            *program_end = ends[1];
            return true;
        }
    }
    slot_reader_close(reader);
    (void)close(ends[1]);
    return false;
}

bool slot_reader_open(struct slot_reader *reader, struct loop *loop, slot_sink_fn *sink, void *context,
                      int *program_end, struct err *err)
{
    int ends[2];
    if (!open_pipe(ends, err))
        return false;
    return watch_reader(reader, loop, sink, context, ends, program_end, err);
}

bool slot_reader_open_private(struct slot_reader *reader, struct loop *loop, slot_sink_fn *sink,
                              void *context, int *program_end, struct err *err)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return err_set_errno(err, ERR_INFRA, "make a socket pair for a step");
    return watch_reader(reader, loop, sink, context, ends, program_end, err);
}

void slot_reader_drain(struct slot_reader *reader)
{
    size_t size = 0;
    for (size_t sum = 0; reader->fd >= 0 && sum < DRAIN_BYTES_MAX && read_piece(reader, &size); sum += size)
        continue;
}

void slot_reader_close(struct slot_reader *reader)
{
    loop_watch_remove(reader->watch);
    reader->watch = NULL;
    close_fd(&reader->fd);
}

static void on_writable(void *context, int fd, uint32_t events)
{
    struct slot_feeder *feeder = context;
    (void)events;
    ssize_t written = write(fd, feeder->data + feeder->written, feeder->size - feeder->written);
    if (written < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (written > 0)
        feeder->written += (size_t)written;
    /* EPIPE: the program does not want the rest. */
    if (written < 0 || feeder->written == feeder->size)
        slot_feeder_close(feeder);
}

bool slot_feeder_open(struct slot_feeder *feeder, int *program_end, struct err *err)
{
    int ends[2];
    if (!open_pipe(ends, err))
        return false;
    if (!set_nonblocking(ends[1])) {
        (void)err_set_errno(err, ERR_INFRA, "set up a pipe for the input of a step");
        (void)close(ends[0]);
        (void)close(ends[1]);
        return false;
    }
    *feeder = (struct slot_feeder){.fd = ends[1]};
    *program_end = ends[0];
    return true;
}

bool slot_feeder_feed(struct slot_feeder *feeder, struct loop *loop, const char *data, size_t size,
                      struct err *err)
{
    feeder->data = data;
    feeder->size = size;
    /* Most input fits into the pipe, and needs nobody to wait until there is room. */
    on_writable(feeder, feeder->fd, EPOLLOUT);
    if (feeder->fd < 0)
        return true;
    feeder->watch = loop_watch_fd(loop, feeder->fd, EPOLLOUT, on_writable, feeder, err);
    return feeder->watch != NULL;
}

void slot_feeder_close(struct slot_feeder *feeder)
{
    loop_watch_remove(feeder->watch);
    feeder->watch = NULL;
    close_fd(&feeder->fd);
}
