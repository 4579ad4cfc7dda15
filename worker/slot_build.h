/* What a slot need not compile, because the outputs for equal inputs are kept (build_cache.h, build_key.h).
 */
#ifndef ASSAY_WORKER_SLOT_BUILD_H
#define ASSAY_WORKER_SLOT_BUILD_H

#include "worker/slot_internal.h"

/* At the beginning of a phase, whose first step is slot->next: kept outputs are added to `files` (malloc'ed;
 * may move) and slot->next goes behind the steps that they stand for. */
void slot_build_reuse(struct slot *slot, struct sandbox_file **files, size_t *count);
/* The outputs of the step slot->next that are worth keeping, NULL-terminated; NULL = none. */
const char *const *slot_build_outputs(const struct slot *slot);
/* The step slot->next succeeded and made `blob` (sandbox_event.kept). */
void slot_build_keep(struct slot *slot, int blob);

#endif
