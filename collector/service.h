/* `assay-collector run`: consumes until SIGTERM or SIGINT. */
#ifndef ASSAY_COLLECTOR_SERVICE_H
#define ASSAY_COLLECTOR_SERVICE_H

#include "collector/config.h"
#include "common/err.h"

/* False when it could not start: ERR_UNREACHABLE, ERR_DENIED (broker or database), ERR_CONFIG. */
bool service_run(const struct collector_config *config, struct err *err);

#endif
