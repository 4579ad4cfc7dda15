/* Nothing of a task lives on: neither processes nor what they leave for the next task. */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/probe/probe.h"

#define IPC_KEY 0x61737361
#define QUEUE   "/assay-probe"

static const char *const files[] = {"/work/assay-left", "/tmp/assay-left", "/dev/shm/assay-left"};

/* What cannot be made here need not be found later. */
void leave_traces(const struct target *target)
{
    (void)target;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        int fd = open(files[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        if (fd >= 0)
            (void)close(fd);
    }
    (void)shmget(IPC_KEY, 4096, IPC_CREAT | 0666);
    (void)msgget(IPC_KEY, IPC_CREAT | 0666);
    mqd_t queue = mq_open(QUEUE, O_CREAT | O_RDWR | O_CLOEXEC, 0666, NULL);
    if (queue >= 0)
        (void)mq_close(queue);
}

static void look_for_ipc(void)
{
    mqd_t queue = mq_open(QUEUE, O_RDONLY | O_CLOEXEC);

    if (shmget(IPC_KEY, 0, 0) >= 0)
        tell_broken("leave_ipc", "the shared memory of the task before is there");
    else if (msgget(IPC_KEY, 0) >= 0)
        tell_broken("leave_ipc", "the System V message queue of the task before is there");
    else if (queue >= 0)
        tell_broken("leave_ipc", "the POSIX message queue of the task before is there");
    else
        tell_held("leave_ipc", errno);
}

void find_traces(const struct target *target)
{
    struct stat status;

    (void)target;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (stat(files[i], &status) == 0)
            tell_broken("leave_files", "%s of the task before is there", files[i]);
        else
            tell_held("leave_files", errno);
    }
    look_for_ipc();
}

/* A daemon by the book, deaf to every signal that can be ignored. It holds the report descriptor: as long as
 * that has a writer, it lives. */
void linger(const struct target *target)
{
    int ready[2];
    char byte;

    (void)target;
    if (pipe(ready) != 0)
        return;
    if (fork() == 0) {
        (void)setsid();
        if (fork() != 0)
            _exit(0);
        for (int number = 1; number < NSIG; number++)
            (void)signal(number, SIG_IGN);
        if (write(ready[1], "r", 1) != 1)
            _exit(1);
        for (;;)
            (void)pause();
    }
    /* The first process of the step ends once the daemon stands, or when there can be none. */
    (void)close(ready[1]);
    if (read(ready[0], &byte, 1) != 1)
        _exit(1);
}
