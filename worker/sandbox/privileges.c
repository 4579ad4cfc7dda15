#include "worker/sandbox/privileges.h"

#include <cap-ng.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/mem.h"

static bool read_capabilities(struct err *err)
{
    /* The library remembers the thread that first used it, and this may be a fork of that one. */
    capng_setpid((int)getpid());
    if (capng_get_caps_process() != 0)
        return err_set_errno(err, ERR_INFRA, "no_capabilities: read the capabilities");
    return true;
}

bool privileges_become(uid_t uid, gid_t gid, struct err *err)
{
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
        setresuid(uid, uid, uid) != 0)
        return err_set_errno(err, ERR_INFRA, "own_uid: become uid %u", (unsigned)uid);
    if (!read_capabilities(err))
        return false;
    for (unsigned capability = 0; capability <= CAP_LAST_CAP; capability++)
        if (capng_have_capability(CAPNG_PERMITTED, capability))
            (void)capng_update(CAPNG_ADD, CAPNG_EFFECTIVE, capability);
    if (capng_apply(CAPNG_SELECT_CAPS) != 0)
        return err_set_errno(err, ERR_INFRA, "own_uid: keep the capabilities for the set-up");
    /* A change of uid makes the process non-dumpable, and /proc/self/uid_map root's. */
    if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "own_uid: PR_SET_DUMPABLE");
    return true;
}

bool privileges_become_for_good(uid_t uid, gid_t gid, struct err *err)
{
    uid_t uids[3];
    gid_t gids[3];

    if (uid == 0 || gid == 0)
        return err_set(err, ERR_INTERNAL, "own_uid: a program must not run as root");
    if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
        return err_set_errno(err, ERR_INFRA, "own_uid: become uid %u", (unsigned)uid);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return err_set_errno(err, ERR_INFRA, "no_new_privs");
    if (!read_capabilities(err))
        return false;
    capng_clear(CAPNG_SELECT_CAPS);
    if (capng_apply(CAPNG_SELECT_CAPS) != 0)
        return err_set_errno(err, ERR_INFRA, "no_capabilities: clear the sets");
    if (!read_capabilities(err))
        return false;
    if (capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE ||
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_SETUID, 0, 0) == 1)
        return err_set(err, ERR_INFRA, "no_capabilities: some are left");
    if (getresuid(&uids[0], &uids[1], &uids[2]) != 0 || getresgid(&gids[0], &gids[1], &gids[2]) != 0 ||
        uids[0] != uid || uids[1] != uid || uids[2] != uid || gids[0] != gid || gids[1] != gid ||
        gids[2] != gid || getgroups(0, NULL) != 0)
        return err_set(err, ERR_INFRA, "own_uid: not all of uid, gid and groups have changed");
    return true;
}

const char *privileges_container_problem(void)
{
    static const unsigned needed[] = {CAP_SETUID, CAP_SETGID, CAP_KILL};
    bool wanted[CAP_LAST_CAP + 1] = {false};

    if (!read_capabilities(NULL))
        return "its capabilities cannot be read";
    for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
        wanted[needed[i]] = true;
        if (!capng_have_capability(CAPNG_EFFECTIVE, needed[i]))
            return "it lacks one of the capabilities SETUID, SETGID and KILL";
    }
    for (unsigned capability = 0; capability <= CAP_LAST_CAP; capability++)
        if (!wanted[capability] && (capng_have_capability(CAPNG_PERMITTED, capability) ||
                                    capng_have_capability(CAPNG_BOUNDING_SET, capability)))
            return "it has other capabilities than SETUID, SETGID and KILL";
    return NULL;
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
