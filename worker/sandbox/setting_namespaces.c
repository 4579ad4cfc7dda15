#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "worker/sandbox/clone.h"
#include "worker/sandbox/privileges.h"
#include "worker/sandbox/setting.h"
#include "worker/sandbox/slot_init.h"
#include "worker/sandbox/wire.h"

bool setting_is_privileged(void)
{
    return geteuid() == 0;
}

/* In the child: nothing but system calls and what is on the stack. */
static _Noreturn void child(const char *program, int socket, bool privileged, uid_t uid, gid_t gid)
{
    char *const argv[] = {(char *)(uintptr_t)SLOT_INIT_PROGRAM, NULL};
    char *const environment[] = {NULL};
    struct wire_event failed = {.version = WIRE_VERSION, .kind = WIRE_FAILED};

    /* Exec by an unmapped uid would lose the capabilities of the new namespace: map before it. */
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    if (privileged || privileges_map_self(0, uid, gid, &failed.err)) {
        int placed = socket == WIRE_SOCKET ? fcntl(socket, F_SETFD, 0) : dup2(socket, WIRE_SOCKET);
        if (placed >= 0 && close_range(WIRE_SOCKET + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
            (void)execve(program, argv, environment);
        err_set_errno(&failed.err, ERR_INFRA, "start %s", program);
        socket = WIRE_SOCKET;
    }
    (void)wire_send(socket, &failed, sizeof(failed), NULL, 0, NULL);
    _exit(1);
}

bool setting_namespaces_start(const char *program, int socket, struct setting_process *process,
                              struct err *err)
{
    bool privileged = setting_is_privileged();
    uid_t uid = geteuid();
    gid_t gid = getegid();
    uint64_t flags = CLONE_NEWPID | CLONE_NEWNS | (privileged ? 0 : CLONE_NEWUSER);

    pid_t pid = clone_with(flags, &process->pidfd);
    if (pid == 0)
        child(program, socket, privileged, uid, gid);
    if (pid < 0 && privileged)
        return err_set_errno(
            err, ERR_INFRA,
            "pid_namespace, mount_namespace: this container or machine does not let root make "
            "namespaces (clone3)");
    if (pid < 0)
        return err_set_errno(err, ERR_INFRA,
                             "user_namespace: uid %u may not make one (clone3): allow it (sysctl "
                             "user.max_user_namespaces, kernel.unprivileged_userns_clone, "
                             "kernel.apparmor_restrict_unprivileged_userns), or run the worker as root",
                             (unsigned)uid);
    process->pid = pid;
    return true;
}
