/* What sandbox.c and sandbox_open.c share. */
#ifndef ASSAY_WORKER_SANDBOX_SANDBOX_INTERNAL_H
#define ASSAY_WORKER_SANDBOX_SANDBOX_INTERNAL_H

#include "worker/sandbox/cgroup.h"
#include "worker/sandbox/mechanisms.h"
#include "worker/sandbox/sandbox.h"
#include "worker/sandbox/setting.h"
#include "worker/sandbox/wire.h"

#define CGROUP_MEMORY_BITS                                                                                   \
    (MECHANISM_BIT(MECHANISM_CGROUP_V1_MEMORY) | MECHANISM_BIT(MECHANISM_CGROUP_V2_MEMORY))
#define CONTAINER_MEMORY_BIT MECHANISM_BIT(MECHANISM_CONTAINER_MEMORY)
#define CONTAINER_CPU_BIT    MECHANISM_BIT(MECHANISM_CONTAINER_CPU)
#define CGROUP_PIDS_BITS     (MECHANISM_BIT(MECHANISM_CGROUP_V1_PIDS) | MECHANISM_BIT(MECHANISM_CGROUP_V2_PIDS))
#define CGROUP_CPU_BITS      (MECHANISM_BIT(MECHANISM_CGROUP_V1_CPU) | MECHANISM_BIT(MECHANISM_CGROUP_V2_CPU))

#define SANDBOX_OPTIONAL_COUNT 3 /* of sandbox_optional */

enum sandbox_state {
    STATE_IDLE,
    STATE_BEGINNING,
    STATE_READY,
    STATE_RUNNING,
    STATE_ENDING,
    STATE_FAILED,
};

struct sandbox {
    enum sandbox_state state;
    enum setting setting;
    int socket;
    struct setting_process process;
    uid_t uid; /* of the programs, as root; 0 = the worker's own */
    int64_t disk_bytes_max;
    uint64_t mechanisms;
    const char *names[MECHANISM_COUNT + SANDBOX_OPTIONAL_COUNT + 1 + 1];
    struct cgroup *cgroup;
    const struct sandbox_server *server_commands; /* borrowed */
    struct sandbox_server_state servers[SANDBOX_SERVERS_MAX];
    size_t server_count;
    int64_t server_tasks_max, server_growth_bytes;
    int64_t server_memory_bytes; /* what they hold in the cgroup */
    int64_t own_memory_bytes;    /* what the two inits need in it */
    int64_t memory_limit_bytes;  /* of the cgroup during this task; 0 = none */
    struct cgroup_counters at_begin, at_run;
    int64_t peak_rss_bytes; /* of the task so far */
    bool parked;            /* the task has not got its files */
    bool keep_asked;        /* of the step that runs */
    int kept;               /* what came of it; -1 = nothing */
};

/* A request that is its kind alone. */
bool sandbox_send(struct sandbox *sandbox, enum wire_kind kind, struct err *err);

/* sandbox_servers.c. Tells the slot init of the servers that are not on demand. What goes wrong is the
 * servers' state, and no error. */
void sandbox_start_servers(struct sandbox *sandbox, const struct sandbox_options *options);
/* WIRE_SERVER came. */
void sandbox_note_server(struct sandbox *sandbox, const struct wire_event *from);

#endif
