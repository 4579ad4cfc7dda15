/* The only writable places of a task: /work, /tmp and /dev/shm. With a mount namespace of the task's own they
 * are one fresh tmpfs, limited in bytes and inodes, so that one limit holds for all three; in a container
 * they are three tmpfs of the container's, each limited by it, and the task's own limit is looked after by
 * polling. Runs in the task init, without any privilege, before a program runs; nothing here looks at the
 * workspace again but for its fill, and between steps for what a compiler made. */
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
/* Reads `count` plain files, named at `names`, that lie in `folder` itself, while nothing of the task runs.
 * Returns a sealed blob of files, the caller's; -1 when one of them is missing, no plain file, empty or
 * larger than 8 MiB, or when there is no memory. */
int workspace_keep(const char *folder, struct wire_view *names, uint32_t count);
/* Where programs may write, NULL-terminated. */
extern const char *const workspace_places[];

/* In a container: is each place a mount of its own, a tmpfs that is limited in bytes and inodes? */
bool workspace_check_mounts(struct err *err);
/* Do all places together hold more than a workspace of this size may? */
bool workspace_exceeds(int64_t disk_bytes);
/* No space or no inode left in one of them? */
bool workspace_is_full(void);
/* Inodes that a tmpfs of this size gets: one for 8 KiB, between 1024 and 262144. */
int64_t workspace_inodes(int64_t disk_bytes);

#endif
