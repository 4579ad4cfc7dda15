/* What the producer asks of the database (conf/schema): verdicts, jobs, workers. */
#ifndef ASSAY_PRODUCER_STORE_H
#define ASSAY_PRODUCER_STORE_H

#include "common/err.h"
#include "common/pg.h"
#include "producer/config.h"

/* ERR_CONFIG without pg_url; ERR_UNREACHABLE, ERR_DENIED. */
struct pg *store_open(const struct producer_config *config, struct err *err);
/* pg_query; a missing table is explained (assay-collector migrate). */
struct pg_result *store_query(struct pg *pg, const char *sql, int param_count, const char *const *params,
                              struct err *err);
/* True when executions or jobs know the job; else ERR_INPUT. */
bool store_check_job(struct pg *pg, const char *job_id, struct err *err);

/* Reasons that tell of the machinery: a real verdict may replace such a row. */
#define STORE_REPLACEABLE "('infra', 'undeliverable', 'expired', 'cancelled')"

/* The SQL expression of a row of executions `e` as the result message it came from (assay.result.v1). */
extern const char store_result_json[];

#endif
