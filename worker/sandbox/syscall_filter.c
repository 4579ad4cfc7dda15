#include "worker/sandbox/syscall_filter.h"

#include <errno.h>
#include <seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"

#ifndef TIOCLINUX /* of <linux/tty.h>, which does not go with the C library's headers */
#define TIOCLINUX 0x541C
#endif

/* `number` is for calls that are younger than the library; the same on every architecture. */
struct call {
    const char *name;
    int number;
};

static const struct call denied[] = {
    /* Other processes. */
    {"ptrace", 0},
    {"process_vm_readv", 0},
    {"process_vm_writev", 0},
    {"process_madvise", 440},
    {"process_mrelease", 448},
    {"pidfd_getfd", 438},
    {"kcmp", 0},
    {"migrate_pages", 0},
    {"move_pages", 0},
    /* Keys outlive a task. */
    {"keyctl", 0},
    {"add_key", 0},
    {"request_key", 0},
    /* Large parts of the kernel that are reached by few programs, and by many exploits. */
    {"bpf", 0},
    {"io_uring_setup", 425},
    {"io_uring_enter", 426},
    {"io_uring_register", 427},
    {"userfaultfd", 0},
    {"perf_event_open", 0},
    {"memfd_secret", 447},
    {"lookup_dcookie", 0},
    {"vmsplice", 0},
    {"modify_ldt", 0},
    {"remap_file_pages", 0},
    {"fanotify_init", 0},
    {"fanotify_mark", 0},
    {"lsm_set_self_attr", 460},
    /* Mounts and namespaces. */
    {"umount", 0},
    {"pivot_root", 0},
    {"chroot", 0},
    {"move_mount", 429},
    {"open_tree", 428},
    {"open_tree_attr", 467},
    {"fsopen", 430},
    {"fsconfig", 431},
    {"fsmount", 432},
    {"fspick", 433},
    {"mount_setattr", 442},
    {"statmount", 457},
    {"listmount", 458},
    {"unshare", 0},
    {"open_by_handle_at", 0},
    {"name_to_handle_at", 0},
    {"quotactl", 0},
    {"quotactl_fd", 443},
    {"sysfs", 0},
    {"ustat", 0},
    /* The machine. */
    {"kexec_load", 0},
    {"kexec_file_load", 0},
    {"reboot", 0},
    {"init_module", 0},
    {"finit_module", 0},
    {"delete_module", 0},
    {"create_module", 0},
    {"get_kernel_syms", 0},
    {"query_module", 0},
    {"swapon", 0},
    {"swapoff", 0},
    {"acct", 0},
    {"syslog", 0},
    {"settimeofday", 0},
    {"clock_settime", 0},
    {"clock_adjtime", 0},
    {"adjtimex", 0},
    {"stime", 0},
    {"sethostname", 0},
    {"setdomainname", 0},
    {"vhangup", 0},
    {"iopl", 0},
    {"ioperm", 0},
    {"nfsservctl", 0},
    {"uselib", 0},
    {"_sysctl", 0},
    {"afs_syscall", 0},
};

static const struct call denied_memory[] = {
    {"memfd_create", 0},
    {"shmget", 0},
    {"shmat", 0},
};

static const struct call denied_ipc[] = {
    {"shmget", 0}, {"shmat", 0},   {"shmctl", 0},    {"msgget", 0}, {"msgsnd", 0},
    {"msgrcv", 0}, {"msgctl", 0},  {"semget", 0},    {"semop", 0},  {"semtimedop", 0},
    {"semctl", 0}, {"mq_open", 0}, {"mq_unlink", 0},
};

static bool refuse(struct err *err, const char *name, int failure)
{
    errno = -failure;
    return err_set_errno(err, ERR_INFRA, "seccomp: add a rule for %s", name);
}

static bool deny(scmp_filter_ctx filter, const struct call *calls, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        int number = seccomp_syscall_resolve_name(calls[i].name);
        if (number == __NR_SCMP_ERROR)
            number = calls[i].number;
        if (number <= 0) /* not on this architecture */
            continue;
        int failure = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
        if (failure != 0)
            return refuse(err, calls[i].name, failure);
    }
    return true;
}

/* Rules that look at arguments. The kernel takes an int where the filter sees 64 bits, so bits above are
 * masked away where a value is denied; where all but one value are denied they fall on the safe side. */
static bool deny_by_argument(scmp_filter_ctx filter, struct err *err)
{
    const uint64_t low = 0xffffffff;

    int failure =
        seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX));
    if (failure == 0)
        failure = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socketpair), 1,
                                   SCMP_A0(SCMP_CMP_NE, AF_UNIX));
    if (failure != 0)
        return refuse(err, "socket", failure);
    failure = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
                               SCMP_A1(SCMP_CMP_MASKED_EQ, low, TIOCSTI));
    if (failure == 0)
        failure = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
                                   SCMP_A1(SCMP_CMP_MASKED_EQ, low, TIOCLINUX));
    if (failure != 0)
        return refuse(err, "ioctl", failure);
    /* personality(0xffffffff) only asks. */
    failure =
        seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(personality), 1, SCMP_A0(SCMP_CMP_NE, low));
    if (failure != 0)
        return refuse(err, "personality", failure);
    return true;
}

/* By way of a memfd: seccomp_load would synchronize threads, of which there are none. */
static bool install(scmp_filter_ctx filter, struct err *err)
{
    autofd int fd = memfd_create("seccomp", MFD_CLOEXEC);
    struct stat status;

    if (fd < 0)
        return err_set_errno(err, ERR_INFRA, "seccomp: make room for the filter");
    int failure = seccomp_export_bpf(filter, fd);
    if (failure != 0)
        return refuse(err, "all", failure);
    if (fstat(fd, &status) != 0 || status.st_size <= 0)
        return err_set_errno(err, ERR_INFRA, "seccomp: look at the filter");
    size_t size = (size_t)status.st_size;
    autofree struct sock_filter *code = malloc(size);
    if (code == NULL || pread(fd, code, size, 0) != (ssize_t)size)
        return err_set_errno(err, ERR_INFRA, "seccomp: read the filter");
    struct sock_fprog program = {(unsigned short)(size / sizeof(*code)), code};
    return syscall_filter_install(&program, err);
}

bool syscall_filter_begin(unsigned more, struct err *err)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    bool begun;

    if (filter == NULL)
        return err_set(err, ERR_NO_MEMORY, "seccomp: start a filter");
    (void)seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    /* A binary tree instead of a list: fewer comparisons for each call. */
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    begun = deny(filter, denied, ARRAY_SIZE(denied), err) &&
            ((more & SYSCALL_FILTER_MEMORY) == 0 ||
             deny(filter, denied_memory, ARRAY_SIZE(denied_memory), err)) &&
            ((more & SYSCALL_FILTER_IPC) == 0 || deny(filter, denied_ipc, ARRAY_SIZE(denied_ipc), err)) &&
            deny_by_argument(filter, err) && install(filter, err);
    seccomp_release(filter);
    return begun;
}
