/*
 * The attack on one slot: probe after probe, each as a step of a task, and what each met. Slots are attacked
 * at the same time, one thread for each attack; they share what is const here.
 */
#ifndef ASSAY_WORKER_SELF_ATTACK_SLOT_H
#define ASSAY_WORKER_SELF_ATTACK_SLOT_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"
#include "worker/decoys.h"
#include "worker/probes.h"
#include "worker/sandbox/sandbox.h"

#define ATTACK_PROGRAM "assay-probe"

struct attack {
    struct sandbox *sandbox;
    unsigned slot; /* its number */
    const struct decoys *decoys;
    const struct buf *program;
    const char *config_file; /* absolute; "" = none */
    struct probe_findings findings;
    char ending[80]; /* of the last step that did not exit with 0 */
};

/* Fills findings and ending. False when the attack cannot be made: ERR_INFRA, ERR_INTERNAL. */
bool attack_slot(struct attack *attack, struct err *err);

#endif
