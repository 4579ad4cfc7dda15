/* `assay-collector migrate`: brings the database's schema up to the files in conf/schema. */
#ifndef ASSAY_COLLECTOR_MIGRATE_H
#define ASSAY_COLLECTOR_MIGRATE_H

#include <stdbool.h>

#include "common/err.h"

/*
 * Applies what is not recorded in schema_migrations yet, in order, each file in a transaction of its own; one
 * migrator at a time. A file that was changed after it had been applied is an error (ERR_CONFIG). Says on
 * standard output what it did.
 */
bool migrate_run(const char *pg_url, struct err *err);
/* True when everything is applied; else ERR_CONFIG that tells to migrate. */
bool migrate_check(const char *pg_url, struct err *err);

#endif
