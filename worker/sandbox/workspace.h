/* The only writable place of a task: one tmpfs, limited in bytes and inodes, shown as /work, /tmp and
 * /dev/shm, so that one limit holds for all three. Runs in the task init, in the task's own mount namespace,
 * before any program runs; nothing here ever looks at the workspace again but for workspace_is_full. */
#ifndef ASSAY_WORKER_SANDBOX_WORKSPACE_H
#define ASSAY_WORKER_SANDBOX_WORKSPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "worker/sandbox/wire.h"

/* Mounts the tmpfs and a fresh read-only /proc of the task's pid namespace. */
bool workspace_mount(int64_t disk_bytes, struct err *err);
/* Writes `count` files below `folder` (an absolute path), making folders on the way. Refuses any path that
 * text_path_problem refuses, and follows no link. */
bool workspace_write(const char *folder, struct wire_view *files, uint32_t count, struct err *err);
/* No space or no inode left? */
bool workspace_is_full(void);
/* Inodes that a tmpfs of this size gets: one for 8 KiB, between 1024 and 262144. */
int64_t workspace_inodes(int64_t disk_bytes);

#endif
