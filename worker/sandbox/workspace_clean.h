/* Where no mount of the task's own goes away with the task (a container): its files are removed one by one,
 * and its processes killed by uid. */
#ifndef ASSAY_WORKER_SANDBOX_WORKSPACE_CLEAN_H
#define ASSAY_WORKER_SANDBOX_WORKSPACE_CLEAN_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"

/* Run as the slot's uid, never as root: kills every process of this uid but the caller until none is left,
 * and then removes whatever this uid owns in the places where programs may write, however deep, closed or
 * crowded its folders are. Since nobody else is there to change a path, following one is safe. */
bool workspace_clean(uid_t uid, struct err *err);

#endif
