/* Apart from the beginning, so that what only completes needs no libseccomp. */
#include <errno.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/mem.h"
#include "worker/sandbox/syscall_filter.h"

#define NEW_NAMESPACES                                                                                       \
    (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |               \
     CLONE_NEWCGROUP)
#define LOAD(member)           BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define ALLOW                  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define DENY(failure)          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (failure))
#define SKIP_UNLESS(number, n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, (n))

/* Of a call whose argument `n` is a process: not that one. */
#define DENY_ON(number, n, process)                                                                          \
    SKIP_UNLESS((number), 4), LOAD(args[n]), SKIP_UNLESS((process), 1), DENY(EPERM), ALLOW
/* Of a call whose first argument is a kind of processes, and whose second says which: of one, and not that
 * one. */
#define DENY_ON_ANY_BUT(number, kind, process)                                                               \
    SKIP_UNLESS((number), 7), LOAD(args[0]), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (kind), 1, 0), DENY(EPERM), \
        LOAD(args[1]), SKIP_UNLESS((process), 1), DENY(EPERM), ALLOW

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the low half of an argument comes first");

bool syscall_filter_install(const struct sock_fprog *program, struct err *err)
{
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program) != 0)
        return err_set_errno(err, ERR_INFRA, "seccomp: install the filter");
    return true;
}

/* Other architectures' calls have been refused before it. The kernel takes the low half of clone's flags. */
bool syscall_filter_complete(bool but_setns, struct err *err)
{
    struct sock_filter code[] = {
        LOAD(nr),
        SKIP_UNLESS(__NR_mount, 1),
        DENY(EPERM),
        SKIP_UNLESS(__NR_umount2, 1),
        DENY(EPERM),
        SKIP_UNLESS(__NR_clone3, 1),
        DENY(ENOSYS),
        SKIP_UNLESS(__NR_clone, 3),
        LOAD(args[0]),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NEW_NAMESPACES, 0, 1),
        DENY(EPERM),
        LOAD(nr),
        SKIP_UNLESS(__NR_setns, 1),
        DENY(EPERM),
        ALLOW,
    };
    const struct sock_fprog program = {ARRAY_SIZE(code), code};

    if (but_setns)
        code[ARRAY_SIZE(code) - 2] = code[ARRAY_SIZE(code) - 1];
    return syscall_filter_install(&program, err);
}

/* The low halves of the arguments, which are all that the kernel takes. */
bool syscall_filter_shield(pid_t init, struct err *err)
{
    const unsigned process = (unsigned)init;
    struct sock_filter code[] = {
        LOAD(nr),
        DENY_ON(__NR_prlimit64, 0, process),
        DENY_ON(__NR_sched_setaffinity, 0, process),
        DENY_ON(__NR_sched_setattr, 0, process),
        DENY_ON(__NR_sched_setparam, 0, process),
        DENY_ON(__NR_sched_setscheduler, 0, process),
        DENY_ON_ANY_BUT(__NR_setpriority, PRIO_PROCESS, process),
        DENY_ON_ANY_BUT(__NR_ioprio_set, IOPRIO_WHO_PROCESS, process),
        ALLOW,
    };
    const struct sock_fprog program = {ARRAY_SIZE(code), code};

    return syscall_filter_install(&program, err);
}
