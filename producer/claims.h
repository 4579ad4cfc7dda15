/*
 * Claims on rows of `reconstructions`, so that two producers never publish one row twice and a dead
 * producer's rows come free by themselves. A claim is claimed_by = our name and claimed_until in the future:
 *
 *   free --take--> claimed (pending.claim_lease_s, renewed) --published--> claimed
 * (pending.published_lease_s) ^                 |                                                       |
 *     +--- release -----+---------- the lease ends, or the verdict has no rate -+--- a verdict fills
 * test_results
 *
 * A producer that dies after the broker's confirm and before `published` is written leaves a row that is
 * published once more; the stored verdict stays one, because task_id is made from the row's id. Calls wait
 * for the database; ERR_UNREACHABLE means that the connection is gone and can be opened again.
 */
#ifndef ASSAY_PRODUCER_CLAIMS_H
#define ASSAY_PRODUCER_CLAIMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/pg.h"

/* A growing list of row ids. */
struct row_ids {
    int64_t *items;
    size_t count, capacity;
};

void row_ids_free(struct row_ids *ids);
bool row_ids_add(struct row_ids *ids, int64_t id, struct err *err);
/* False when it is not there. The order changes. */
bool row_ids_remove(struct row_ids *ids, int64_t id);

struct claims_settings {
    const char *owner;  /* claimed_by: unique to this process */
    const char *job_id; /* rows with a verdict that stands under this job are left alone */
    int64_t claim_lease_s, published_lease_s;
};

/* Up to `limit` free rows, oldest first, claimed. Columns: id, implementation_code, llm_model, application,
 * test_suite_path, language. The caller frees the result; NULL with an error. */
struct pg_result *claims_take(struct pg *pg, const struct claims_settings *settings, int64_t limit,
                              struct err *err);
enum claims_column {
    CLAIM_ID,
    CLAIM_IMPLEMENTATION,
    CLAIM_MODEL,
    CLAIM_APPLICATION,
    CLAIM_SUITE_PATH,
    CLAIM_LANGUAGE
};
/* Each of these does nothing with an empty list, and leaves alone what is not ours any more. */
bool claims_renew(struct pg *pg, const struct claims_settings *settings, const struct row_ids *ids,
                  struct err *err);
bool claims_published(struct pg *pg, const struct claims_settings *settings, const struct row_ids *ids,
                      struct err *err);
bool claims_release(struct pg *pg, const struct claims_settings *settings, const struct row_ids *ids,
                    struct err *err);
/* Rows without a result whose error verdict stands: publishing them again would change nothing. */
bool claims_count_standing(struct pg *pg, const struct claims_settings *settings, int64_t *count,
                           struct err *err);

#endif
