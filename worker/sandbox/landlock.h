/* Landlock (landlock(7)): file access by hierarchy, no TCP, no signal and no abstract socket across the
 * border of the task; every right and scope that the running kernel knows. */
#ifndef ASSAY_WORKER_SANDBOX_LANDLOCK_H
#define ASSAY_WORKER_SANDBOX_LANDLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

/* A ruleset for the paths of the calling process's root: `read_only_paths` (NULL-terminated) may be read and
 * executed, the workspace may be used in every way. Returns the ruleset's descriptor (CLOEXEC, the caller's),
 * -1 with an error that names Landlock. With `whole_image` the root is not the sandbox's own, minimal one but
 * a container's: then its / cannot be listed, and of /etc only harmless files be read. *mechanisms gets the
 * bits of enum mechanism it will hold. */
int landlock_build(const char *const *read_only_paths, bool whole_image, uint64_t *mechanisms,
                   struct err *err);
/* On this process and those it starts; needs no_new_privs. Mounting is impossible afterwards. */
bool landlock_enforce(int ruleset, struct err *err);

#endif
