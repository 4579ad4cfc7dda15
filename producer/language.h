/* applications.language, as people write it, to a runtime. Pure. */
#ifndef ASSAY_PRODUCER_LANGUAGE_H
#define ASSAY_PRODUCER_LANGUAGE_H

#include "common/runtimes.h"

/* The runtime of that name in any case of letters, or of a usual other name (py, javascript, c++, sh); NULL
 * when there is none. */
const struct runtime *language_runtime(const struct runtimes *runtimes, const char *language);

#endif
