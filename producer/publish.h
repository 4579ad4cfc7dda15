/* What publish and rerun share: a JSONL file on its way, from the first look to the summary. */
#ifndef ASSAY_PRODUCER_PUBLISH_H
#define ASSAY_PRODUCER_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "producer/config.h"
#include "producer/idset.h"
#include "producer/options.h"

struct publish_options {
    const char *job;
    bool wait;
    int64_t timeout_ms;
    const char *results;
    int64_t rate;
    bool dry_run;
    const char *journal;
    const char *format;
    struct option_list labels;
};

struct publish_request {
    const struct producer_config *config;
    const struct publish_options *options;
    const char *path;
    const struct idset *only; /* rerun: publish these alone, and announce nothing; NULL = all */
};

/* The exit status; `err` is set when it failed. */
int publish_file(const struct publish_request *request, struct err *err);

#endif
