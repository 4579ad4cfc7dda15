/* Identity and capabilities. */
#ifndef ASSAY_WORKER_SANDBOX_PRIVILEGES_H
#define ASSAY_WORKER_SANDBOX_PRIVILEGES_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"

/* Root becomes `uid` and `gid` with no other group, and keeps its capabilities for what is left to set up. */
bool privileges_become(uid_t uid, gid_t gid, struct err *err);
/* Root with CAP_SETUID and CAP_SETGID becomes `uid` and `gid` for good: no other group, no capability,
 * no_new_privs. For a container whose bounding set nobody may drop (that needs CAP_SETPCAP): without
 * set-user-id programs, which no_new_privs disarms, nothing can be gained from it. Reads back what it did.
 * `parent`: only as long as that process lives; never after its death. 0 = whoever lives. */
bool privileges_become_for_good(uid_t uid, gid_t gid, pid_t parent, struct err *err);
/* Root in such a container keeps what that takes, and no more. */
bool privileges_keep_to_become(struct err *err);
/* NULL when the effective and the bounding set are exactly CAP_SETUID, CAP_SETGID and CAP_KILL; else what is
 * wrong. */
const char *privileges_container_problem(void);
/* In a user namespace that was just made: its only uid and gid, `inside`, are the caller's own outside ones.
 * Writes /proc/self/{setgroups,uid_map,gid_map}; user_namespaces(7). */
bool privileges_map_self(unsigned inside, uid_t outside_uid, gid_t outside_gid, struct err *err);
/* Securebits locked, ambient, bounding, inheritable, permitted and effective sets empty, no_new_privs; then
 * reads them back. */
bool privileges_drop(struct err *err);
/* The same for a process that makes user namespaces whose one uid is its own uid 0: it keeps CAP_SETFCAP, as
 * the kernel demands of such a parent, and only within its own user namespace (user_namespaces(7)). */
bool privileges_drop_but_setfcap(struct err *err);

#endif
