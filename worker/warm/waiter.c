#include "worker/warm/waiter.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/sandbox/privileges.h"

void waiter_tell_failed(const struct warm_job *job, const struct err *err)
{
    struct wire_event event = {.version = WIRE_VERSION, .kind = WIRE_FAILED, .err = *err};

    (void)wire_send(job->fds[WIRE_FORK_CHANNEL], &event, sizeof(event), NULL, 0, NULL);
}

/* One more that has ended; 0 = none has (WNOHANG), -1 = none is left. */
static pid_t reap(struct wire_event *event, int flags, int *status)
{
    struct rusage usage;
    pid_t pid;

    do
        pid = wait4(-1, status, flags, &usage);
    while (pid < 0 && errno == EINTR);
    if (pid <= 0)
        return pid;
    event->cpu_us += (int64_t)usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec +
                     (int64_t)usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec;
    if ((int64_t)usage.ru_maxrss * 1024 > event->peak_rss_bytes)
        event->peak_rss_bytes = (int64_t)usage.ru_maxrss * 1024;
    return pid;
}

/* Never returns from here: the memory is the server's as well. In a container all that the step orphans is
 * this process's, as it is the task init's elsewhere. */
static _Noreturn void wait_for(const struct warm_job *job, pid_t leader)
{
    struct wire_event event = {.version = WIRE_VERSION, .kind = WIRE_EXITED};
    pid_t ended;
    int status;

    do {
        ended = reap(&event, 0, &status);
        if (ended == leader)
            event.wait_status = status;
    } while (ended > 0 && ended != leader);
    while ((ended = reap(&event, WNOHANG, &status)) > 0)
        continue;
    event.left_processes = ended == 0;
    (void)wire_send(job->fds[WIRE_FORK_CHANNEL], &event, sizeof(event), NULL, 0, NULL);
    if (event.left_processes) {
        event.cpu_us = 0;
        while (reap(&event, 0, &status) > 0)
            continue;
        (void)wire_send(job->fds[WIRE_FORK_CHANNEL], &event, sizeof(event), NULL, 0, NULL);
    }
    _exit(0);
}

static bool prepare(const struct warm_job *job, struct err *err)
{
    bool is_container = job->request.uid != 0;

    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 ||
        (is_container && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0))
        return err_set_errno(err, ERR_INFRA, "set up the waiter");
    for (size_t i = WIRE_FORK_USER; i < WIRE_FORK_FDS && !is_container; i++)
        if (setns(job->fds[i], 0) != 0)
            return err_set_errno(err, ERR_INFRA, "enter the task's namespace %zu", i);
    return true;
}

/* The C library's fork, and not a bare clone, so that what libraries registered for a fork is called. */
void waiter_fork(const struct warm_job *job)
{
    struct err err = ERR_INIT;
    uid_t uid = job->request.uid;
    pid_t own = getpid();

    pid_t pid = prepare(job, &err) ? fork() : -1;
    if (pid == 0 && (uid == 0 || privileges_become_for_good(uid, uid, own, &err)))
        return;
    if (pid > 0)
        wait_for(job, pid);
    if (err.code == ERR_NONE)
        err_set_errno(&err, ERR_INFRA, "fork into the task");
    waiter_tell_failed(job, &err);
    _exit(1);
}
