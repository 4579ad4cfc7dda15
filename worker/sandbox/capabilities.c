#include "worker/sandbox/capabilities.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

bool capabilities_read(struct capabilities *now)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

    return syscall(SYS_capget, &header, now->words) == 0;
}

bool capabilities_write(const struct capabilities *wanted)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

    return syscall(SYS_capset, &header, wanted->words) == 0;
}

bool capabilities_equal(const struct capabilities *a, const struct capabilities *b)
{
    return memcmp(a, b, sizeof(*a)) == 0; /* words alone, no padding */
}

bool capabilities_effective(const struct capabilities *sets, unsigned capability)
{
    return (sets->words[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability)) != 0;
}

bool capabilities_permitted(const struct capabilities *sets, unsigned capability)
{
    return (sets->words[CAP_TO_INDEX(capability)].permitted & CAP_TO_MASK(capability)) != 0;
}

/* A call about a capability failed: was it behind the kernel's last one? */
static bool was_the_end(unsigned long capability)
{
    return errno == EINVAL && capability > CAP_SETFCAP;
}

bool capabilities_bounding_is_empty(uint64_t but)
{
    for (unsigned long capability = 0;; capability++) {
        bool excepted = capability < 64 && (but >> capability & 1) != 0;
        int held = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
        if (held < 0)
            return was_the_end(capability);
        if (held != 0 && !excepted)
            return false;
    }
}

bool capabilities_empty_bounding(void)
{
    unsigned long capability = 0;

    while (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0)
        capability++;
    return was_the_end(capability);
}
