/* Apart from the beginning, so that what only completes needs no libseccomp. */
#include <errno.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/mem.h"
#include "worker/sandbox/syscall_filter.h"

#define NEW_NAMESPACES                                                                                       \
    (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |               \
     CLONE_NEWCGROUP)
#define DENY(failure)          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (failure))
#define SKIP_UNLESS(number, n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, (n))

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
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        SKIP_UNLESS(__NR_mount, 1),
        DENY(EPERM),
        SKIP_UNLESS(__NR_umount2, 1),
        DENY(EPERM),
        SKIP_UNLESS(__NR_clone3, 1),
        DENY(ENOSYS),
        SKIP_UNLESS(__NR_clone, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NEW_NAMESPACES, 0, 1),
        DENY(EPERM),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        SKIP_UNLESS(__NR_setns, 1),
        DENY(EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {ARRAY_SIZE(code), code};

    if (but_setns)
        code[ARRAY_SIZE(code) - 2] = code[ARRAY_SIZE(code) - 1];
    return syscall_filter_install(&program, err);
}
