/*
 * The probes by which the worker attacks its own sandbox: which there are, what layer each attacks, and what
 * their reports say. Pure. The probes themselves are worker/probe/, what runs them is self_attack.h.
 */
#ifndef ASSAY_WORKER_PROBES_H
#define ASSAY_WORKER_PROBES_H

#include <stdbool.h>
#include <stddef.h>

#include "worker/sandbox/mechanisms.h"

struct probe {
    const char *name; /* as reports spell it */
    enum sandbox_layer layer;
    const char *mechanism; /* of sandbox_optional, or task_disk: without it this probe cannot be held; NULL =
                              always can */
    const char *attempt;   /* what it tries, for people */
};

#define PROBE_COUNT 42
extern const struct probe probes[PROBE_COUNT];

/* A report bears on each as the worst that was said of it; SILENT, of which nothing was said, is no better
 * than BROKEN, but that there may have been nothing to try: see PROBE_ABSENT. */
enum probe_state {
    PROBE_SILENT,
    PROBE_ABSENT, /* there is nothing of the kind here (no configuration file to read) */
    PROBE_HELD,
    PROBE_BROKEN,
};

struct probe_finding {
    enum probe_state state;
    unsigned slot;    /* of the worst */
    char detail[160]; /* the errno or signal met, or how it got through */
};

struct probe_findings {
    struct probe_finding items[PROBE_COUNT];
};

/* PROBE_COUNT when there is none of that name. */
size_t probe_find(const char *name);
/* Notes what was said of one probe in a slot. */
void probe_note(struct probe_findings *findings, size_t probe, unsigned slot, enum probe_state state,
                const char *detail);
/* Reads a report: lines "NAME held|broken DETAIL". False with the line in `bad` (`size` places) when one is
 * not of that form, or names no probe. */
bool probe_read_report(struct probe_findings *findings, unsigned slot, const char *text, size_t text_size,
                       char *bad, size_t size);

enum probe_verdict { VERDICT_HELD, VERDICT_BROKEN, VERDICT_MISSING, VERDICT_ABSENT };
/* MISSING: broken, or not tried, for want of a mechanism that `mechanisms` (those in force, as
 * sandbox_mechanisms names them) list as missing. */
enum probe_verdict probe_judge(const struct probe_findings *findings, size_t probe,
                               const char *const *mechanisms);
const char *probe_verdict_name(enum probe_verdict verdict);

struct layer_verdict {
    size_t tried, held, broken, missing; /* held + broken + missing = tried */
    size_t first_broken;                 /* probe; PROBE_COUNT when none is */
};
void probe_judge_layer(const struct probe_findings *findings, enum sandbox_layer layer,
                       const char *const *mechanisms, struct layer_verdict *verdict);

#endif
