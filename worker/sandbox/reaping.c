#include "worker/sandbox/reaping.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define REAP_AT_ONCE 256

static void note(struct reaping_usage *usage, const struct rusage *of_one)
{
    int64_t peak = (int64_t)of_one->ru_maxrss * 1024;

    usage->cpu_us += (int64_t)of_one->ru_utime.tv_sec * 1000000 + of_one->ru_utime.tv_usec +
                     (int64_t)of_one->ru_stime.tv_sec * 1000000 + of_one->ru_stime.tv_usec;
    if (peak > usage->peak_rss_bytes)
        usage->peak_rss_bytes = peak;
}

static bool reap(pid_t first, int *status, struct reaping_usage *usage, int flags, unsigned most)
{
    bool found = false;

    for (unsigned reaped = 0; reaped < most;) {
        struct rusage of_one;
        int its_status;
        pid_t pid = wait4(-1, &its_status, flags, &of_one);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid <= 0)
            return found;
        reaped++;
        note(usage, &of_one);
        if (pid == first) {
            *status = its_status;
            found = true;
        }
    }
    return found;
}

bool reaping_reap(pid_t first, int *status, struct reaping_usage *usage)
{
    return reap(first, status, usage, WNOHANG, REAP_AT_ONCE);
}

bool reaping_kill_all(uid_t container_uid)
{
    siginfo_t info;

    /* kill(-1) reaches all of the pid namespace: only ever from inside the task's own, or as the uid that
     * nobody else has. */
    if (container_uid == 0 ? getpid() != 1 : getuid() != container_uid || geteuid() != container_uid)
        _exit(1);
    /* In a container it succeeds whoever else is there. */
    bool any = container_uid == 0 || waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
    return kill(-1, SIGKILL) == 0 && any;
}

bool reaping_clear(uid_t container_uid, struct reaping_usage *usage)
{
    int status;

    (void)reaping_reap(0, &status, usage);
    bool left = reaping_kill_all(container_uid);
    for (bool more = left; more; more = reaping_kill_all(container_uid))
        (void)reap(0, &status, usage, 0,
                   UINT_MAX); /* until there is no child: what is orphaned becomes ours */
    return left;
}
