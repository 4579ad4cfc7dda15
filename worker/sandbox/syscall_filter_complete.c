/* Apart from the building, so that what only enforces needs no libseccomp. */
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/sandbox/syscall_filter.h"

bool syscall_filter_enforce(const struct sock_fprog *program, struct err *err)
{
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program) != 0)
        return err_set_errno(err, ERR_INFRA, "seccomp: install the filter");
    return true;
}
