/* `assay-collector prune`: deletes old verdicts now. */
#ifndef ASSAY_COLLECTOR_PRUNE_H
#define ASSAY_COLLECTOR_PRUNE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct prune_options {
    const char *pg_url;
    int64_t days;  /* verdicts older than that go; at least 1 */
    int64_t batch; /* rows in a transaction */
    bool dry_run;  /* count only */
};

/* Says on standard output how many verdicts went; on a terminal also while it works. */
bool prune_run(const struct prune_options *options, struct err *err);

#endif
