/* What a dead message is kept as, and the verdict that ends its story. Pure but for the time of the verdict.
 */
#ifndef ASSAY_COLLECTOR_DEAD_LETTER_H
#define ASSAY_COLLECTOR_DEAD_LETTER_H

#include "collector/item.h"

/* Header of a message in assay.dead.results: the key under which it was published first. */
#define HEADER_ROUTING_KEY "assay-routing-key"

/* Fills in job_id and task_id, and makes the verdict (row; for a task also verdict and verdict_key). A dead
 * job message has no verdict: its row stays NULL. */
void dead_letter_judge(struct item *item, int64_t now_unix_ms);

enum { DEAD_LETTER_PARAMS = 10 };
/* The parameters of statement_dead_letter; each the caller's. */
void dead_letter_params(const struct item *item, char *params[DEAD_LETTER_PARAMS]);
/* The same without what the table may have refused, the headers and properties; the reason tells so. */
void dead_letter_make_plain(char *params[DEAD_LETTER_PARAMS], const char *refusal);
/* Why the message is dead, as the broker or the database said it. */
void dead_letter_reason(const struct item *item, struct buf *out);

#endif
