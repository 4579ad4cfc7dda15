/* Landlock (landlock(7)): file access by hierarchy, no TCP, no signal and no abstract socket across the
 * border of the task; every right and scope that the running kernel knows. */
#ifndef ASSAY_WORKER_SANDBOX_LANDLOCK_H
#define ASSAY_WORKER_SANDBOX_LANDLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct landlock;

/* Once a slot: what its tasks may do below the paths of its root, of which `read_only_paths`
 * (NULL-terminated) may be read and executed. With `whole_image` the root is not the sandbox's own, minimal
 * one but a container's: then its / cannot be listed, and of /etc only harmless files be read. NULL with an
 * error that names Landlock. */
struct landlock *landlock_open(const char *const *read_only_paths, bool whole_image, struct err *err);
void landlock_close(struct landlock *landlock);
/* A ruleset for a task, in its root: also its own workspace and /proc, which may be used in every way and
 * read. Returns the ruleset's descriptor (CLOEXEC, the caller's), -1 with an error that names Landlock.
 * *mechanisms gets the bits of enum mechanism it will hold. */
int landlock_build(const struct landlock *landlock, uint64_t *mechanisms, struct err *err);
/* The same for a warm server in a container, which hands it on to all of its forks: also its `library` may be
 * read, and /proc be written, as far as its uid may, until the ruleset of a task is added. */
int landlock_build_for_server(const struct landlock *landlock, int library, struct err *err);
/* On this process and those it starts; needs no_new_privs. Mounting is impossible afterwards. */
bool landlock_enforce(int ruleset, struct err *err);

#endif
