/* The slot's root: a small tmpfs, read-only once built, that shows the system's programs and libraries
 * read-only and nothing else of the machine. Runs in the slot init, in a mount namespace of its own. */
#ifndef ASSAY_WORKER_SANDBOX_ROOT_FS_H
#define ASSAY_WORKER_SANDBOX_ROOT_FS_H

#include <stdbool.h>

#include "common/err.h"

/* Builds the root and makes it this process's. Needs CAP_SYS_ADMIN over the mount namespace, which must not
 * be the machine's. `read_only_paths` is NULL-terminated; a path that the machine does not have is left out.
 * The slot's /proc stays mounted inside, fully visible, because the kernel lets a task mount its own only
 * then. */
bool root_fs_enter(const char *harness_dir, const char *const *read_only_paths, struct err *err);
/* May this host path be shown to programs? ERR_CONFIG. */
bool root_fs_check_shown(const char *path, struct err *err);

#endif
