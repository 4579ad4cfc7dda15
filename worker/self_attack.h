/*
 * The worker attacks its own sandboxes before it lets anybody's program into them. assay-probe
 * (worker/probe/probe.h), which lies beside the worker, runs in each slot as a task would and tries what a
 * task must not be able to do; what it meets is in the findings (probes.h). The caller decides: a layer with
 * a broken probe keeps the worker from starting.
 */
#ifndef ASSAY_WORKER_SELF_ATTACK_H
#define ASSAY_WORKER_SELF_ATTACK_H

#include <stdbool.h>

#include "common/err.h"
#include "worker/probes.h"
#include "worker/runner.h"

/* Attacks the slots, as many at a time as there are processors, and waits (tenths of a second). `config_file`
 * is the worker's (NULL = it has none). False when the attack itself cannot be made: ERR_INFRA, ERR_CONFIG.
 * Call it before anything else runs in the slots. */
bool self_attack(struct runner *runner, const char *config_file, struct probe_findings *findings,
                 struct err *err);
/* False, ERR_INFRA naming the layer and the probe, when a layer does not hold. */
bool self_attack_held(const struct probe_findings *findings, const char *const *mechanisms, struct err *err);

#endif
