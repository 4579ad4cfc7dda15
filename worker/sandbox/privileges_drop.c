/* Giving up every privilege, by system calls alone: it happens twice in each task, and libcap-ng reads
 * /proc/self/status six times for it. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/sandbox/privileges.h"

#define SECUREBITS                                                                                           \
    (SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |         \
     SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)
#define SET_WORDS _LINUX_CAPABILITY_U32S_3

struct sets {
    struct __user_cap_data_struct words[SET_WORDS];
};

/* Of each capability that the running kernel has, which may be more than its headers name. True when none is
 * left in the bounding set. */
static bool look_at_bounding_set(bool drop)
{
    for (unsigned long capability = 0;; capability++) {
        int held = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
        if (held < 0)
            return errno == EINVAL && capability > CAP_SETFCAP;
        if (held == 1 && (!drop || prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0))
            return false;
    }
}

/* `kept`: the effective and the permitted set, word by word. */
static struct sets sets_of(const uint32_t *kept)
{
    struct sets sets = {0};

    for (unsigned i = 0; i < SET_WORDS; i++)
        sets.words[i].effective = sets.words[i].permitted = kept[i];
    return sets;
}

/* What the kernel holds now, of all five sets: the ambient one cannot hold what the inheritable one lacks
 * (capabilities(7)). Nothing after this gives a privilege back, as the securebits are locked. */
static bool is_dropped(const struct sets *wanted)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct sets sets;

    if (syscall(SYS_capget, &header, sets.words) != 0 || !look_at_bounding_set(false) ||
        prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) != SECUREBITS || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return false;
    for (unsigned i = 0; i < SET_WORDS; i++)
        if (sets.words[i].effective != wanted->words[i].effective ||
            sets.words[i].permitted != wanted->words[i].permitted || sets.words[i].inheritable != 0)
            return false;
    return true;
}

static bool drop(const uint32_t *kept, struct err *err)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct sets sets = sets_of(kept);

    if (prctl(PR_SET_SECUREBITS, SECUREBITS, 0, 0, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "no_capabilities: lock the securebits");
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "no_capabilities: clear the ambient set");
    if (!look_at_bounding_set(true))
        return err_set_errno(err, ERR_INFRA, "no_capabilities: empty the bounding set");
    if (syscall(SYS_capset, &header, sets.words) != 0)
        return err_set_errno(err, ERR_INFRA, "no_capabilities: clear the sets");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "no_new_privs");
    if (!is_dropped(&sets))
        return err_set(err, ERR_INFRA, "no_capabilities: some are left");
    return true;
}

bool privileges_drop(struct err *err)
{
    static const uint32_t nothing[SET_WORDS];

    return drop(nothing, err);
}

bool privileges_drop_but_setfcap(struct err *err)
{
    static const uint32_t setfcap[SET_WORDS] = {[CAP_TO_INDEX(CAP_SETFCAP)] = CAP_TO_MASK(CAP_SETFCAP)};

    return drop(setfcap, err);
}
