/* The slot init's own set-up: from OPEN to the sandbox that stands. */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/mem.h"
#include "worker/sandbox/mechanisms.h"
#include "worker/sandbox/privileges.h"
#include "worker/sandbox/root_fs.h"
#include "worker/sandbox/sandbox.h"
#include "worker/sandbox/slot_init_internal.h"
#include "worker/sandbox/syscall_filter.h"

static bool receive_options(struct slot_state *slot, struct wire_request *request, struct err *err)
{
    int fds[WIRE_FDS_MAX];
    size_t fd_count;

    if (wire_receive(WIRE_SOCKET, request, sizeof(*request), fds, &fd_count, 0, err) != WIRE_GOT)
        return false;
    if (request->kind != WIRE_OPEN || fd_count < 1 || request->blob_items < 1)
        return err_set(err, ERR_INTERNAL, "the slot init got request %u before it was opened", request->kind);
    if (!wire_view_open(&slot->options, fds[0], err))
        return false;
    close_fd(&fds[0]);
    slot->no_landlock = request->no_landlock != 0;
    if (request->container != 0)
        slot->container_uid = request->uid;
    size_t next = 1;
    slot->cpu_usage = (request->step_fds & WIRE_OPEN_CPU_USAGE) != 0 && next < fd_count ? fds[next++] : -1;
    slot->memory.stat =
        (request->step_fds & WIRE_OPEN_MEMORY_STAT) != 0 && next < fd_count ? fds[next++] : -1;
    slot->lifeline = (request->step_fds & WIRE_OPEN_LIFELINE) != 0 && next < fd_count ? fds[next++] : -1;
    slot->read_only_paths = calloc(request->blob_items, sizeof(*slot->read_only_paths));
    slot->harness_dir = wire_view_string(&slot->options);
    if (slot->read_only_paths == NULL || slot->harness_dir == NULL)
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    for (uint32_t i = 0; i + 1 < request->blob_items; i++)
        slot->read_only_paths[i] = wire_view_string(&slot->options);
    return true;
}

static bool open_descriptors(struct slot_state *slot, struct err *err)
{
    slot->null = open("/dev/null", O_RDWR | O_CLOEXEC);
    slot->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (slot->null < 0 || slot->proc < 0)
        return err_set_errno(err, ERR_INFRA, "open /dev/null and /proc in the slot's root");
    for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
        if (dup2(slot->null, i) < 0)
            return err_set_errno(err, ERR_INFRA, "put /dev/null on descriptor %d", i);
    return true;
}

static bool enter(int flag, enum mechanism mechanism, struct slot_state *slot, struct err *err)
{
    if (unshare(flag) != 0)
        return err_set_errno(err, ERR_INFRA, "%s: unshare", mechanism_name(mechanism));
    slot->mechanisms |= MECHANISM_BIT(mechanism);
    return true;
}

/* As root: up to here real root built the slot's root; from here on the slot's uid, whose capabilities reach
 * no further than its own user namespace. */
static bool become_the_slot(struct slot_state *slot, const struct wire_request *request, struct err *err)
{
    if (!privileges_become(request->uid, request->gid, err))
        return false;
    /* The mounts made so far belong to a more privileged namespace now: locked together and read-only. */
    if (!enter(CLONE_NEWUSER | CLONE_NEWNS, MECHANISM_USER_NAMESPACE, slot, err))
        return err_wrap(err, "the machine must allow user namespaces (sysctl user.max_user_namespaces, "
                             "kernel.unprivileged_userns_clone)");
    slot->mechanisms |= MECHANISM_BIT(MECHANISM_OWN_UID);
    return privileges_map_self(0, request->uid, request->gid, err);
}

static bool enter_namespaces(struct slot_state *slot, struct err *err)
{
    static const char host[] = "assay";

    if (!enter(CLONE_NEWNET, MECHANISM_NETWORK_NAMESPACE, slot, err) ||
        !enter(CLONE_NEWIPC, MECHANISM_IPC_NAMESPACE, slot, err) ||
        !enter(CLONE_NEWUTS, MECHANISM_UTS_NAMESPACE, slot, err) ||
        !enter(CLONE_NEWCGROUP, MECHANISM_CGROUP_NAMESPACE, slot, err))
        return false;
    if (sethostname(host, sizeof(host) - 1) != 0 || setdomainname("", 0) != 0)
        return err_set_errno(err, ERR_INFRA, "uts_namespace: sethostname");
    /* A session keyring of its own, so that programs possess nothing of the worker's. */
    if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
        return err_set_errno(err, ERR_INFRA, "join a new session keyring");
    return true;
}

/* Also after the change of uid. */
static bool die_with_the_worker(struct err *err)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "PR_SET_PDEATHSIG");
    return true;
}

static bool build_namespaces(struct slot_state *slot, const struct wire_request *request, struct err *err)
{
    if (!root_fs_enter(slot->harness_dir, slot->read_only_paths, err))
        return false;
    slot->mechanisms |= MECHANISM_BIT(MECHANISM_READ_ONLY_ROOT);
    if (request->uid == 0)
        slot->mechanisms |= MECHANISM_BIT(MECHANISM_USER_NAMESPACE);
    else if (!become_the_slot(slot, request, err))
        return false;
    return open_descriptors(slot, err) && enter_namespaces(slot, err) && privileges_drop_but_setfcap(err) &&
           die_with_the_worker(err);
}

/* Also removes what a worker before this one may have left. */
static bool join_container(struct slot_state *slot, struct err *err)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "no_new_privs");
    return slot_container_set_up(slot->harness_dir, slot->read_only_paths, err) &&
           open_descriptors(slot, err) && slot_container_clean(slot->container_uid, err);
}

bool slot_set_up(struct slot_state *slot, struct err *err)
{
    struct wire_request request;
    unsigned more;

    if (!receive_options(slot, &request, err))
        return false;
    bool is_container = slot->container_uid != 0;
    if (!(is_container ? join_container(slot, err) : build_namespaces(slot, &request, err)))
        return false;
    if (access(SANDBOX_HARNESS_DIR, R_OK | X_OK) != 0)
        return err_set_errno(err, ERR_CONFIG,
                             "the harness folder %s must be readable by the slot's programs (chmod -R a+rX)",
                             slot->harness_dir);
    slot->landlock = landlock_open(slot->read_only_paths, is_container, err);
    if (slot->landlock == NULL && !slot->no_landlock)
        return false;
    err_clear(err);
    more = (request.deny_memory != 0 ? SYSCALL_FILTER_MEMORY : 0) | (is_container ? SYSCALL_FILTER_IPC : 0);
    /* In a task's namespace its init is process 1. */
    if (!syscall_filter_begin(more, err) || (!is_container && !syscall_filter_shield(1, err)))
        return false;
    /* Nobody of the same uid looks inside. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "PR_SET_DUMPABLE");
    slot->processors = sysconf(_SC_NPROCESSORS_ONLN);
    servers_init(&slot->servers, slot->null, slot->proc);
    if (is_container)
        servers_init_container(&slot->servers, slot->landlock, slot->lifeline);
    return true;
}
