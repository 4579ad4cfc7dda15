/* The part of outcome.h that judges limits; for outcome.c alone. Pure. */
#ifndef ASSAY_WORKER_OUTCOME_LIMITS_H
#define ASSAY_WORKER_OUTCOME_LIMITS_H

#include "worker/outcome.h"

/* What a limit is judged by besides the facts. */
struct limit_view {
    const char *subject; /* "case_2", "test_foo": begins the text */
    bool failed;         /* the step failed in some way; a limit that did no harm is none */
    int64_t wall_ms, cpu_ms;
    const char *said; /* what the step reported of its end, beside stderr; may be NULL */
};

/* True when a limit decides: `finding` is filled. */
bool outcome_limit(const struct task *task, const struct step_facts *facts, const struct limit_view *view,
                   struct finding *finding);

/* Sets the finding and begins its text with "<subject>: " (nothing when NULL). */
struct buf *outcome_set(struct finding *finding, enum status status, enum reason reason, const char *subject);
/* POSIX extended regular expression, ^ and $ at every line; false for NULL and for one that does not compile.
 */
bool outcome_matches(const char *pattern, const char *text, size_t size);

#endif
