/* The mechanisms of the sandbox by name: what results list under `sandbox`, and what `sandbox.allow_missing`
 * may name. docs/security.md says what each stops, and which setting has it. */
#ifndef ASSAY_WORKER_SANDBOX_MECHANISMS_H
#define ASSAY_WORKER_SANDBOX_MECHANISMS_H

#include <stdbool.h>
#include <stdint.h>

enum mechanism {
    MECHANISM_USER_NAMESPACE,
    MECHANISM_PID_NAMESPACE,
    MECHANISM_MOUNT_NAMESPACE,
    MECHANISM_NETWORK_NAMESPACE,
    MECHANISM_IPC_NAMESPACE,
    MECHANISM_UTS_NAMESPACE,
    MECHANISM_CGROUP_NAMESPACE,
    MECHANISM_READ_ONLY_ROOT,
    MECHANISM_TMPFS,
    MECHANISM_OWN_UID,
    MECHANISM_NO_CAPABILITIES,
    MECHANISM_NO_NEW_PRIVS,
    MECHANISM_SECCOMP,
    MECHANISM_LANDLOCK,
    MECHANISM_LANDLOCK_NET,
    MECHANISM_LANDLOCK_SCOPES,
    MECHANISM_RLIMITS,
    MECHANISM_CGROUP_V1_MEMORY,
    MECHANISM_CGROUP_V1_PIDS,
    MECHANISM_CGROUP_V1_CPU,
    MECHANISM_CGROUP_V2_MEMORY,
    MECHANISM_CGROUP_V2_PIDS,
    MECHANISM_CGROUP_V2_CPU,
    MECHANISM_CONTAINER_MEMORY, /* the container's own limits, see setting_container.h */
    MECHANISM_CONTAINER_PIDS,
    MECHANISM_CONTAINER_CPU,
    MECHANISM_COUNT,
};

/* Before the name of a mechanism that the operator does without. */
#define MECHANISM_MISSING "missing:"

#define MECHANISM_BIT(mechanism) ((uint64_t)1 << (mechanism))

/* What the mechanisms hold together; probes attack one layer each (worker/probes.h). */
enum sandbox_layer { LAYER_RESOURCE, LAYER_NETWORK, LAYER_FILESYSTEM, LAYER_PRIVILEGE, LAYER_COUNT };

/* "resource", ... */
const char *sandbox_layer_name(enum sandbox_layer layer);
/* Is the mechanism (its bit, its number) part of the layer? Some belong to several. */
bool mechanism_is_of(enum mechanism mechanism, enum sandbox_layer layer);
/* The same by a name as results list it; also what allow_missing names, with and without "missing:". */
bool mechanism_name_is_of(const char *name, enum sandbox_layer layer);
/* The first layer of the mechanism that a text names ("read_only_root: pivot_root: ..."); LAYER_COUNT when it
 * names none. */
enum sandbox_layer mechanism_layer_in(const char *text);

/* "pid_namespace", ... */
const char *mechanism_name(enum mechanism mechanism);
/* Fills `names` (MECHANISM_COUNT + 1 places) with those whose bit is set, NULL-terminated. */
void mechanism_list(uint64_t bits, const char **names);
/* Is `name` in the NULL-terminated list (NULL = empty)? */
bool mechanism_named(const char *const *list, const char *name);

#endif
