/* What cgroup.c shares with its two versions. */
#ifndef ASSAY_WORKER_SANDBOX_CGROUP_INTERNAL_H
#define ASSAY_WORKER_SANDBOX_CGROUP_INTERNAL_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "worker/sandbox/cgroup.h"

enum cgroup_controller {
    CGROUP_MEMORY,
    CGROUP_PIDS,
    CGROUP_CPU,     /* quota */
    CGROUP_CPUACCT, /* v1: accounting, a controller of its own; v2: that of cpu */
    CGROUP_CONTROLLERS,
};

extern const char *const cgroup_controller_names[CGROUP_CONTROLLERS];

struct cgroup_version {
    bool (*limit)(const struct cgroup *cgroup, const struct cgroup_limits *limits, struct err *err);
    void (*reset_peak)(struct cgroup *cgroup);
    void (*read)(struct cgroup *cgroup, struct cgroup_counters *counters);
    const char *cpu_usage_file;
};

#define CGROUP_NOT_OPENED (-2)

extern const struct cgroup_version cgroup_v1, cgroup_v2;

/* Files that are read at each step are kept open. */
enum cgroup_file {
    CGROUP_FILE_CPU,
    CGROUP_FILE_MEMORY,
    CGROUP_FILE_PEAK,
    CGROUP_FILE_PEAK_SWAP, /* v1 */
    CGROUP_FILE_OOM,
    CGROUP_FILE_DENIALS,
    CGROUP_FILES,
};

struct cgroup {
    const struct cgroup_version *version;
    char folders[CGROUP_CONTROLLERS][PATH_MAX]; /* of the leaf; "" = the controller is missing */
    uint64_t mechanisms;
    bool is_container;           /* the folders are not ours: nothing is moved, limited or removed */
    struct cgroup_limits limits; /* in force, if has_limits */
    bool has_limits;
    int files[CGROUP_FILES]; /* descriptors; CGROUP_NOT_OPENED, -1 = there is none */
    int64_t container_memory_bytes;
    int peak;            /* v2: descriptor on which the peak is counted anew (Linux 6.12); -1 = not so */
    int64_t peak_before; /* v2 without that: the all-time peak when the task began */
    char problem[1024];
};

/* Find the worker's own cgroup and make the leaf in it. False when this version is not mounted at all. */
bool cgroup_v1_make(struct cgroup *cgroup, const char *name);
bool cgroup_v2_make(struct cgroup *cgroup, const char *name);

/* Where a hierarchy is mounted, and which of its cgroups holds this process: `folder` (PATH_MAX places) is
 * the path of that cgroup. `controller` NULL = the v2 hierarchy. */
bool cgroup_find_own(const char *controller, char *folder);
/* Notes why a controller is missing (the first reason stays), with strerror(errno). */
void cgroup_note_problem(struct cgroup *cgroup, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Makes folder/name and removes leaves there whose worker is dead. */
bool cgroup_make_leaf(const char *folder, const char *name, char *leaf);
bool cgroup_write(const char *folder, const char *file, const char *text);
bool cgroup_write_number(const char *folder, const char *file, int64_t value);
/* As cgroup_read_number, of a file that stays open in the place `which`: always the same folder and name. */
int64_t cgroup_count(struct cgroup *cgroup, enum cgroup_file which, const char *folder, const char *file,
                     const char *key, int64_t missing);
/* No file is open yet. */
void cgroup_init_files(struct cgroup *cgroup);
/* The number behind `key` in a file of "key value" lines; with key NULL the number alone. `missing` when
 * there is none. */
int64_t cgroup_read_number(const char *folder, const char *file, const char *key, int64_t missing);

#endif
