#include "worker/sandbox/mechanisms.h"

#include <stddef.h>
#include <string.h>

static const char *const names_of[MECHANISM_COUNT] = {
    [MECHANISM_USER_NAMESPACE] = "user_namespace",
    [MECHANISM_PID_NAMESPACE] = "pid_namespace",
    [MECHANISM_MOUNT_NAMESPACE] = "mount_namespace",
    [MECHANISM_NETWORK_NAMESPACE] = "network_namespace",
    [MECHANISM_IPC_NAMESPACE] = "ipc_namespace",
    [MECHANISM_UTS_NAMESPACE] = "uts_namespace",
    [MECHANISM_CGROUP_NAMESPACE] = "cgroup_namespace",
    [MECHANISM_READ_ONLY_ROOT] = "read_only_root",
    [MECHANISM_TMPFS] = "tmpfs",
    [MECHANISM_OWN_UID] = "own_uid",
    [MECHANISM_NO_CAPABILITIES] = "no_capabilities",
    [MECHANISM_NO_NEW_PRIVS] = "no_new_privs",
    [MECHANISM_SECCOMP] = "seccomp",
    [MECHANISM_LANDLOCK] = "landlock",
    [MECHANISM_LANDLOCK_NET] = "landlock_net",
    [MECHANISM_LANDLOCK_SCOPES] = "landlock_scopes",
    [MECHANISM_RLIMITS] = "rlimits",
    [MECHANISM_CGROUP_V1_MEMORY] = "cgroup_v1_memory",
    [MECHANISM_CGROUP_V1_PIDS] = "cgroup_v1_pids",
    [MECHANISM_CGROUP_V1_CPU] = "cgroup_v1_cpu",
    [MECHANISM_CGROUP_V2_MEMORY] = "cgroup_v2_memory",
    [MECHANISM_CGROUP_V2_PIDS] = "cgroup_v2_pids",
    [MECHANISM_CGROUP_V2_CPU] = "cgroup_v2_cpu",
};

const char *mechanism_name(enum mechanism mechanism)
{
    return mechanism < MECHANISM_COUNT ? names_of[mechanism] : "?";
}

void mechanism_list(uint64_t bits, const char **names)
{
    size_t count = 0;

    for (size_t i = 0; i < MECHANISM_COUNT; i++)
        if ((bits & MECHANISM_BIT(i)) != 0)
            names[count++] = names_of[i];
    names[count] = NULL;
}

bool mechanism_named(const char *const *list, const char *name)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}
