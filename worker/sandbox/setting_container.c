#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/mem.h"
#include "worker/sandbox/privileges.h"
#include "worker/sandbox/sandbox.h"
#include "worker/sandbox/setting.h"
#include "worker/sandbox/slot_init.h"
#include "worker/sandbox/wire.h"
#include "worker/sandbox/workspace.h"

/* Inode numbers of /proc/PID/ns/pid (linux/proc_ns.h): the machine's first, and from where others are
 * numbered. */
#define FIRST_PID_NAMESPACE 0xEFFFFFFCu
#define LATER_NAMESPACES    0x0FFFFFFFu
/* Above the uids that systemd gives to users and containers (systemd's UIDS-GIDS), below 2^31. */
#define UID_BASE 0x70000000u

static ino_t pid_namespace(void)
{
    struct stat status;

    return stat("/proc/self/ns/pid", &status) == 0 ? status.st_ino : FIRST_PID_NAMESPACE;
}

/* NULL when this process is root as the compose file makes it, in a container's pid namespace. */
static const char *shape_problem(void)
{
    if (geteuid() != 0)
        return "the worker is not uid 0";
    if (pid_namespace() == FIRST_PID_NAMESPACE)
        return "the worker is in no pid namespace but the machine's";
    return privileges_container_problem();
}

bool setting_choose(const char *asked, enum setting *setting, struct err *err)
{
    bool automatic = asked == NULL || asked[0] == '\0' || strcmp(asked, "auto") == 0;

    *setting = SETTING_NAMESPACES;
    if (automatic) {
        if (shape_problem() == NULL)
            *setting = SETTING_CONTAINER;
        return true;
    }
    if (strcmp(asked, "namespaces") == 0)
        return true;
    if (strcmp(asked, "container") != 0)
        return err_set(err, ERR_CONFIG, "sandbox.setting: %s is none of auto, namespaces, container", asked);
    *setting = SETTING_CONTAINER;
    const char *problem = shape_problem();
    if (problem != NULL)
        return err_set(err, ERR_CONFIG,
                       "sandbox.setting: container: %s; start it as compose/executor.yaml does (cap_drop "
                       "ALL, cap_add SETUID, SETGID, KILL)",
                       problem);
    return true;
}

bool setting_container_check(struct err *err)
{
    struct statvfs root;

    const char *problem = shape_problem();
    if (problem != NULL)
        return err_set(err, ERR_CONFIG, "container: %s", problem);
    if (statvfs("/", &root) != 0 || (root.f_flag & ST_RDONLY) == 0)
        return err_set(err, ERR_CONFIG,
                       "read_only_root: the container's root can be written; start it with read_only: true");
    return workspace_check_mounts(err);
}

uid_t setting_container_uid(void)
{
    autofile FILE *map = fopen("/proc/self/uid_map", "re");
    unsigned long inside = 0, outside = 0, count = 0;

    /* In a user namespace (userns-remap) processes are counted within it, and few uids exist. */
    if (map == NULL || fscanf(map, "%lu %lu %lu", &inside, &outside, &count) != 3 ||
        count <= UID_BASE + LATER_NAMESPACES)
        return SANDBOX_UID_BASE + 1;
    return UID_BASE + ((uid_t)pid_namespace() & LATER_NAMESPACES);
}

/* In the child: nothing but system calls and what is on the stack. */
static _Noreturn void child(const char *program, int socket)
{
    char *const argv[] = {(char *)(uintptr_t)SLOT_INIT_PROGRAM, NULL};
    char *const environment[] = {NULL};
    struct wire_event failed = {.version = WIRE_VERSION, .kind = WIRE_FAILED};

    int placed = socket == WIRE_SOCKET ? fcntl(socket, F_SETFD, 0) : dup2(socket, WIRE_SOCKET);
    if (placed >= 0 && close_range(WIRE_SOCKET + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
        (void)execve(program, argv, environment);
    err_set_errno(&failed.err, ERR_INFRA, "start %s", program);
    (void)wire_send(WIRE_SOCKET, &failed, sizeof(failed), NULL, 0, NULL);
    _exit(1);
}

bool setting_container_start(const char *program, int socket, struct setting_process *process,
                             struct err *err)
{
    pid_t pid = fork();

    if (pid == 0)
        child(program, socket);
    if (pid < 0)
        return err_set_errno(err, ERR_INFRA, "start %s: fork", program);
    process->pid = pid;
    process->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (process->pidfd < 0)
        return err_set_errno(err, ERR_INFRA, "start %s: pidfd_open", program);
    return true;
}
