/* No power over other processes, no new namespaces, no mounts, no calls that reach deep into the kernel. */
#include <errno.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "worker/probe/probe.h"
#include "worker/probe/worker_process.h"

static void signal_worker(const struct target *target)
{
    if (kill(target->worker, 0) != 0)
        tell_held("signal_worker", errno);
    else if (!is_the_worker(target))
        tell_held("signal_worker", ESRCH);
    else
        tell_broken("signal_worker", "process %d can be signalled", (int)target->worker);
}

static void trace_worker(const struct target *target)
{
    /* PTRACE_SEIZE, unlike PTRACE_ATTACH, does not stop it. */
    if (ptrace(PTRACE_SEIZE, target->worker, NULL, NULL) != 0)
        tell_held("trace_worker", errno);
    else
        tell_broken("trace_worker", "process %d can be traced", (int)target->worker);
}

static void read_worker_memory(const struct target *target)
{
    char here[8];
    struct iovec local = {here, sizeof(here)}, remote = {(void *)(uintptr_t)0x1000, sizeof(here)};

    tell_refusal("read_worker_memory", process_vm_readv(target->worker, &local, 1, &remote, 1, 0));
}

static void become_root(const struct target *target)
{
    (void)target;
    if (geteuid() == 0 || setresuid(0, 0, 0) == 0)
        tell_broken("become_root", "user id 0");
    else
        tell_held("become_root", errno); /* EINVAL: the user namespace has no such user */
}

static void new_user_namespace(const struct target *target)
{
    (void)target;
    tell_refusal("new_user_namespace", unshare(CLONE_NEWUSER));
}

static void new_user_namespace_by_clone(const struct target *target)
{
    (void)target;
    long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        _exit(0);
    tell_refusal("new_user_namespace_by_clone", pid);
}

static void new_namespaces(const struct target *target)
{
    (void)target;
    tell_refusal("new_namespaces", unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET));
}

static void mount_tmpfs(const struct target *target)
{
    (void)target;
    tell_refusal("mount", mount("probe", "/tmp", "tmpfs", 0, NULL));
}

static void change_the_root(const struct target *target)
{
    (void)target;
    tell_refusal("chroot", chroot("/tmp"));
}

/* Calls with senseless arguments: refused before they are looked at, or not refused. */
struct bare_call {
    const char *name; /* of the probe; some have several calls */
    long number, first, second;
};

static const struct bare_call bare_calls[] = {
    {"io_uring", SYS_io_uring_setup, 1, 0},
    {"bpf", SYS_bpf, 0, 0},
    {"keyctl", SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING},
    {"keyctl", SYS_add_key, 0, 0},
    {"kernel_calls", SYS_perf_event_open, 0, 0},
    {"kernel_calls", SYS_userfaultfd, -1, 0},
    {"kernel_calls", SYS_setns, -1, 0},
    {"kernel_calls", SYS_fsopen, 0, 0},
    {"kernel_calls", SYS_open_by_handle_at, -1, 0},
    {"kernel_calls", SYS_init_module, 0, 0},
    {"kernel_calls", SYS_pidfd_getfd, -1, 0},
};

static const struct bare_call *bare_call; /* the child's */

static void call_bare(const struct target *target)
{
    (void)target;
    tell_refusal(bare_call->name, syscall(bare_call->number, bare_call->first, bare_call->second, 0, -1, 0));
}

void probe_privilege(const struct target *target)
{
    in_child("signal_worker", signal_worker, target);
    in_child("trace_worker", trace_worker, target);
    in_child("read_worker_memory", read_worker_memory, target);
    in_child("become_root", become_root, target);
    in_child("new_user_namespace", new_user_namespace, target);
    in_child("new_user_namespace_by_clone", new_user_namespace_by_clone, target);
    in_child("new_namespaces", new_namespaces, target);
    in_child("mount", mount_tmpfs, target);
    in_child("chroot", change_the_root, target);
    for (size_t i = 0; i < sizeof(bare_calls) / sizeof(bare_calls[0]); i++) {
        bare_call = &bare_calls[i];
        in_child(bare_call->name, call_bare, target);
    }
}
