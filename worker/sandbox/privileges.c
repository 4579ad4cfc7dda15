#include "worker/sandbox/privileges.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/securebits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/mem.h"
#include "worker/sandbox/capabilities.h"

#define SECUREBITS                                                                                           \
    (SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |         \
     SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

static const struct capabilities nothing;
static const struct capabilities setfcap = {
    .words[CAP_TO_INDEX(CAP_SETFCAP)] = {.effective = CAP_TO_MASK(CAP_SETFCAP),
                                         .permitted = CAP_TO_MASK(CAP_SETFCAP)}};

static bool make_permitted_effective(void)
{
    struct capabilities sets;

    if (!capabilities_read(&sets))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(sets.words); i++)
        sets.words[i].effective = sets.words[i].permitted;
    return capabilities_write(&sets);
}

bool privileges_become(uid_t uid, gid_t gid, struct err *err)
{
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
        setresuid(uid, uid, uid) != 0)
        return err_set_errno(err, ERR_INFRA, "own_uid: become uid %u", (unsigned)uid);
    if (!make_permitted_effective())
        return err_set_errno(err, ERR_INFRA, "own_uid: keep the capabilities for the set-up");
    /* A change of uid makes the process non-dumpable, and /proc/self/uid_map root's. */
    if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "own_uid: PR_SET_DUMPABLE");
    return true;
}

/* Each change of uid or gid forgets the signal. A parent that died before it was set is nobody's any more. */
static bool die_with(pid_t parent, struct err *err)
{
    if (parent == 0)
        return true;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "PR_SET_PDEATHSIG");
    return getppid() == parent || err_set(err, ERR_INFRA, "own_uid: the parent has died");
}

bool privileges_become_for_good(uid_t uid, gid_t gid, pid_t parent, struct err *err)
{
    struct capabilities left;
    uid_t uids[3];
    gid_t gids[3];

    if (uid == 0 || gid == 0)
        return err_set(err, ERR_INTERNAL, "own_uid: a program must not run as root");
    if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0)
        return err_set_errno(err, ERR_INFRA, "own_uid: become gid %u", (unsigned)gid);
    if (!die_with(parent, err))
        return false;
    if (setresuid(uid, uid, uid) != 0)
        return err_set_errno(err, ERR_INFRA, "own_uid: become uid %u", (unsigned)uid);
    if (!die_with(parent, err))
        return false;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "no_new_privs");
    if (!capabilities_write(&nothing))
        return err_set_errno(err, ERR_INFRA, "no_capabilities: clear the sets");
    if (!capabilities_read(&left) || !capabilities_equal(&left, &nothing) ||
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_SETUID, 0, 0) == 1)
        return err_set(err, ERR_INFRA, "no_capabilities: some are left");
    if (getresuid(&uids[0], &uids[1], &uids[2]) != 0 || getresgid(&gids[0], &gids[1], &gids[2]) != 0 ||
        uids[0] != uid || uids[1] != uid || uids[2] != uid || gids[0] != gid || gids[1] != gid ||
        gids[2] != gid || getgroups(0, NULL) != 0)
        return err_set(err, ERR_INFRA, "own_uid: not all of uid, gid and groups have changed");
    return true;
}

bool privileges_keep_to_become(struct err *err)
{
    const uint32_t kept = CAP_TO_MASK(CAP_SETUID) | CAP_TO_MASK(CAP_SETGID);
    struct capabilities left;
    const struct capabilities wanted = {.words[0] = {.effective = kept, .permitted = kept}};

    if (!capabilities_write(&wanted) || !capabilities_read(&left) || !capabilities_equal(&left, &wanted))
        return err_set_errno(err, ERR_INFRA, "no_capabilities: keep SETUID and SETGID alone");
    return true;
}

const char *privileges_container_problem(void)
{
    static const unsigned needed[] = {CAP_SETUID, CAP_SETGID, CAP_KILL};
    struct capabilities sets;
    uint64_t wanted = 0;

    if (!capabilities_read(&sets))
        return "its capabilities cannot be read";
    for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
        wanted |= (uint64_t)1 << needed[i];
        if (!capabilities_effective(&sets, needed[i]))
            return "it lacks one of the capabilities SETUID, SETGID and KILL";
    }
    bool others = !capabilities_bounding_is_empty(wanted);
    for (unsigned capability = 0; capability < 64; capability++)
        others |= (wanted >> capability & 1) == 0 && capabilities_permitted(&sets, capability);
    return others ? "it has other capabilities than SETUID, SETGID and KILL" : NULL;
}

static bool write_proc(const char *path, const char *text, struct err *err)
{
    autofd int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        return err_set_errno(err, ERR_INFRA, "user_namespace: write \"%s\" into %s", text, path);
    return true;
}

bool privileges_map_self(unsigned inside, uid_t outside_uid, gid_t outside_gid, struct err *err)
{
    char uid_map[64], gid_map[64];

    (void)snprintf(uid_map, sizeof(uid_map), "%u %u 1", inside, (unsigned)outside_uid);
    (void)snprintf(gid_map, sizeof(gid_map), "%u %u 1", inside, (unsigned)outside_gid);
    return write_proc("/proc/self/setgroups", "deny", err) &&
           write_proc("/proc/self/uid_map", uid_map, err) && write_proc("/proc/self/gid_map", gid_map, err);
}

/* What the kernel holds now, of all five sets: the ambient one cannot hold what the inheritable one lacks
 * (capabilities(7)). Nothing after this gives a privilege back, as the securebits are locked. */
static bool is_dropped(const struct capabilities *kept)
{
    struct capabilities left;

    return capabilities_read(&left) && capabilities_equal(&left, kept) && capabilities_bounding_is_empty(0) &&
           prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) == SECUREBITS && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

static bool drop(const struct capabilities *kept, struct err *err)
{
    if (prctl(PR_SET_SECUREBITS, SECUREBITS, 0, 0, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "no_capabilities: lock the securebits");
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "no_capabilities: clear the ambient set");
    if (!capabilities_empty_bounding())
        return err_set_errno(err, ERR_INFRA, "no_capabilities: empty the bounding set");
    if (!capabilities_write(kept))
        return err_set_errno(err, ERR_INFRA, "no_capabilities: clear the sets");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "no_new_privs");
    if (!is_dropped(kept))
        return err_set(err, ERR_INFRA, "no_capabilities: some are left");
    return true;
}

bool privileges_drop(struct err *err)
{
    return drop(&nothing, err);
}

bool privileges_drop_but_setfcap(struct err *err)
{
    return drop(&setfcap, err);
}
