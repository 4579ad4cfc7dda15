#include "worker/sandbox/mechanisms.h"

#include <stddef.h>
#include <string.h>

#include "common/mem.h"

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
    [MECHANISM_CONTAINER_MEMORY] = "container_memory",
    [MECHANISM_CONTAINER_PIDS] = "container_pids",
    [MECHANISM_CONTAINER_CPU] = "container_cpu",
};

#define RESOURCE   (1u << LAYER_RESOURCE)
#define NETWORK    (1u << LAYER_NETWORK)
#define FILESYSTEM (1u << LAYER_FILESYSTEM)
#define PRIVILEGE  (1u << LAYER_PRIVILEGE)

static const unsigned layers_of[MECHANISM_COUNT] = {
    [MECHANISM_USER_NAMESPACE] = PRIVILEGE,
    [MECHANISM_PID_NAMESPACE] = PRIVILEGE,
    [MECHANISM_MOUNT_NAMESPACE] = FILESYSTEM,
    [MECHANISM_NETWORK_NAMESPACE] = NETWORK,
    [MECHANISM_IPC_NAMESPACE] = PRIVILEGE,
    [MECHANISM_UTS_NAMESPACE] = PRIVILEGE,
    [MECHANISM_CGROUP_NAMESPACE] = PRIVILEGE,
    [MECHANISM_READ_ONLY_ROOT] = FILESYSTEM,
    [MECHANISM_TMPFS] = RESOURCE | FILESYSTEM,
    [MECHANISM_OWN_UID] = FILESYSTEM | PRIVILEGE,
    [MECHANISM_NO_CAPABILITIES] = PRIVILEGE,
    [MECHANISM_NO_NEW_PRIVS] = PRIVILEGE,
    [MECHANISM_SECCOMP] = NETWORK | PRIVILEGE,
    [MECHANISM_LANDLOCK] = FILESYSTEM,
    [MECHANISM_LANDLOCK_NET] = NETWORK,
    [MECHANISM_LANDLOCK_SCOPES] = NETWORK | PRIVILEGE,
    [MECHANISM_RLIMITS] = RESOURCE,
    [MECHANISM_CGROUP_V1_MEMORY] = RESOURCE,
    [MECHANISM_CGROUP_V1_PIDS] = RESOURCE,
    [MECHANISM_CGROUP_V1_CPU] = RESOURCE,
    [MECHANISM_CGROUP_V2_MEMORY] = RESOURCE,
    [MECHANISM_CGROUP_V2_PIDS] = RESOURCE,
    [MECHANISM_CGROUP_V2_CPU] = RESOURCE,
    [MECHANISM_CONTAINER_MEMORY] = RESOURCE,
    [MECHANISM_CONTAINER_PIDS] = RESOURCE,
    [MECHANISM_CONTAINER_CPU] = RESOURCE,
};

/* What allow_missing names without being one mechanism, and error texts name without a version. */
static const char *const cgroup_names[] = {"cgroup_memory", "cgroup_cpu", "cgroup_pids", "task_disk"};

const char *sandbox_layer_name(enum sandbox_layer layer)
{
    static const char *const names[LAYER_COUNT] = {[LAYER_RESOURCE] = "resource",
                                                   [LAYER_NETWORK] = "network",
                                                   [LAYER_FILESYSTEM] = "filesystem",
                                                   [LAYER_PRIVILEGE] = "privilege"};
    return layer < LAYER_COUNT ? names[layer] : "?";
}

bool mechanism_is_of(enum mechanism mechanism, enum sandbox_layer layer)
{
    return mechanism < MECHANISM_COUNT && (layers_of[mechanism] & 1u << layer) != 0;
}

bool mechanism_name_is_of(const char *name, enum sandbox_layer layer)
{
    if (strncmp(name, MECHANISM_MISSING, strlen(MECHANISM_MISSING)) == 0)
        name += strlen(MECHANISM_MISSING);
    for (size_t i = 0; i < MECHANISM_COUNT; i++)
        if (strcmp(names_of[i], name) == 0)
            return mechanism_is_of((enum mechanism)i, layer);
    for (size_t i = 0; i < ARRAY_SIZE(cgroup_names); i++)
        if (strcmp(cgroup_names[i], name) == 0)
            return layer == LAYER_RESOURCE;
    return false;
}

enum sandbox_layer mechanism_layer_in(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    char word[64];

    while (*(text += strcspn(text, letters)) != '\0') {
        size_t size = strspn(text, letters);
        if (size < sizeof(word)) {
            memcpy(word, text, size);
            word[size] = '\0';
            for (unsigned layer = 0; layer < LAYER_COUNT; layer++)
                if (mechanism_name_is_of(word, (enum sandbox_layer)layer))
                    return (enum sandbox_layer)layer;
        }
        text += size;
    }
    return LAYER_COUNT;
}

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
