#include "worker/decoys.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/text.h"

#define CONTROL_WITHIN_MS 1000
#define CANARY_PREFIX     "assay-canary-"

/* starttime is field 22; the name, field 2, may hold anything but ends with the last ')'. */
static bool read_start(unsigned long long *started, struct err *err)
{
    char line[1024] = "";
    autofile FILE *file = fopen("/proc/self/stat", "re");
    const char *at = file != NULL && fgets(line, sizeof line, file) != NULL ? strrchr(line, ')') : NULL;
    for (int field = 2; at != NULL && field < 22; field++) {
        at = strchr(at, ' ');
        at = at != NULL ? at + 1 : NULL;
    }
    if (at == NULL)
        return err_set_errno(err, ERR_INFRA, "read /proc/self/stat");
    *started = strtoull(at, NULL, 10);
    return true;
}

/* The control: a connection from here arrives, and is taken away again. */
static bool arrives(int listener, int type, const struct sockaddr *address, socklen_t size)
{
    autofd int client = socket(address->sa_family, type | SOCK_CLOEXEC, 0);
    struct pollfd polled = {listener, POLLIN, 0};
    char byte = 0;
    if (client < 0 || connect(client, address, size) != 0 || send(client, &byte, 1, MSG_NOSIGNAL) != 1 ||
        poll(&polled, 1, CONTROL_WITHIN_MS) != 1)
        return false;
    if (type == SOCK_DGRAM)
        return recv(listener, &byte, 1, MSG_DONTWAIT) == 1;
    autofd int server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    return server >= 0;
}

static bool lay_loopback(struct decoys *decoys)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *plain = (struct sockaddr *)&address;
    socklen_t size = sizeof address;
    decoys->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    decoys->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (decoys->udp < 0 || bind(decoys->udp, plain, size) != 0 ||
        getsockname(decoys->udp, plain, &size) != 0 || !arrives(decoys->udp, SOCK_DGRAM, plain, size))
        return false;
    /* The same port: when it is taken, another run has another. */
    if (decoys->tcp < 0 || bind(decoys->tcp, plain, size) != 0 || listen(decoys->tcp, 8) != 0 ||
        !arrives(decoys->tcp, SOCK_STREAM, plain, size))
        return false;
    decoys->port = ntohs(address.sin_port);
    return true;
}

static bool lay_abstract(struct decoys *decoys)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[sizeof decoys->abstract_name] = "assay-";
    text_random_hex(name + strlen(name), 8);
    memcpy(address.sun_path + 1, name, strlen(name));
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
    const struct sockaddr *plain = (const struct sockaddr *)&address;
    decoys->abstract = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (decoys->abstract < 0 || bind(decoys->abstract, plain, size) != 0 ||
        listen(decoys->abstract, 8) != 0 || !arrives(decoys->abstract, SOCK_STREAM, plain, size))
        return false;
    memcpy(decoys->abstract_name, name, sizeof name);
    return true;
}

/* A worker that was killed cannot remove its canary: the next one does. The lock on it died with its worker,
 * so that a live one's is never taken, whatever its pid is here. */
static void sweep(const char *folder)
{
    DIR *stream = opendir(folder);

    if (stream == NULL)
        return;
    for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
        struct stat status;
        if (strncmp(entry->d_name, CANARY_PREFIX, strlen(CANARY_PREFIX)) != 0)
            continue;
        autofd int fd = openat(dirfd(stream), entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
            flock(fd, LOCK_EX | LOCK_NB) == 0)
            (void)unlinkat(dirfd(stream), entry->d_name, 0);
    }
    (void)closedir(stream);
}

/* False also when another worker's sweep came between its making and its lock. */
static bool make_canary(struct decoys *decoys)
{
    struct stat status;

    decoys->canary_fd = mkostemp(decoys->canary, O_CLOEXEC);
    if (decoys->canary_fd < 0)
        return false;
    if (flock(decoys->canary_fd, LOCK_EX | LOCK_NB) == 0 && fchmod(decoys->canary_fd, 0644) == 0 &&
        write(decoys->canary_fd, "canary\n", 7) == 7 && fstat(decoys->canary_fd, &status) == 0 &&
        status.st_nlink == 1)
        return true;
    (void)unlink(decoys->canary);
    close_fd(&decoys->canary_fd);
    return false;
}

static void lay_canary(struct decoys *decoys)
{
    const char *folder = getenv("TMPDIR");

    if (folder == NULL || folder[0] != '/')
        folder = "/tmp";
    sweep(folder);
    for (int tries = 0; tries < 3; tries++) {
        int size = snprintf(decoys->canary, sizeof decoys->canary, "%s/" CANARY_PREFIX "XXXXXX", folder);
        if (size > 0 && (size_t)size < sizeof decoys->canary && make_canary(decoys))
            return;
    }
    decoys->canary[0] = '\0';
}

bool decoys_open(struct decoys *decoys, struct err *err)
{
    *decoys = (struct decoys){.tcp = -1, .udp = -1, .abstract = -1, .canary_fd = -1};
    if (!read_start(&decoys->worker_started, err))
        return false;
    for (int tries = 0; tries < 3 && !lay_loopback(decoys); tries++) {
        close_fd(&decoys->tcp);
        close_fd(&decoys->udp);
    }
    if (!lay_abstract(decoys))
        close_fd(&decoys->abstract);
    lay_canary(decoys);
    return true;
}

void decoys_close(struct decoys *decoys)
{
    close_fd(&decoys->tcp);
    close_fd(&decoys->udp);
    close_fd(&decoys->abstract);
    if (decoys->canary[0] != '\0')
        (void)unlink(decoys->canary);
    decoys->canary[0] = '\0';
    close_fd(&decoys->canary_fd);
}

const char *decoys_reached(const struct decoys *decoys)
{
    struct pollfd polled[] = {
        {decoys->tcp, POLLIN, 0}, {decoys->udp, POLLIN, 0}, {decoys->abstract, POLLIN, 0}};
    static const char *const names[] = {"tcp", "udp", "abstract"};
    if (poll(polled, ARRAY_SIZE(polled), 0) <= 0)
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(polled); i++)
        if ((polled[i].revents & POLLIN) != 0)
            return names[i];
    return NULL;
}
