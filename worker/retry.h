/*
 * What follows an infra fault (DESIGN rule: the machinery's faults are tried again by the worker itself, in
 * another slot where it has one, three attempts at most; the program's own faults never). Pure.
 */
#ifndef ASSAY_WORKER_RETRY_H
#define ASSAY_WORKER_RETRY_H

#include <stdbool.h>

#define RETRY_ATTEMPTS_MAX 3

/* `attempts` were started, the last one ended in an infra fault: try again? */
bool retry_is_allowed(unsigned attempts);

/* May a work whose last infra fault was in `failed_slot` (0 = none) run in `slot`? Only a worker of one slot
 * uses the same one again. */
bool retry_slot_fits(unsigned failed_slot, unsigned slot, unsigned slot_count);

#endif
