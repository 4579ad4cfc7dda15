/* --results FILE: result messages as JSON lines. Refused before anything is published when it cannot be
 * written; emptied only once the broker is there. */
#ifndef ASSAY_PRODUCER_RESULTS_FILE_H
#define ASSAY_PRODUCER_RESULTS_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/message/result.h"

struct results_file;

struct results_file *results_file_open(const char *path, struct err *err);
bool results_file_empty(struct results_file *file, struct err *err);
/* One line: `body` as it came, or serialised again when it spans lines. ERR_IO (disk full) names the file. */
bool results_file_add(struct results_file *file, const struct result *result, const char *body, size_t size,
                      struct err *err);
bool results_file_flush(struct results_file *file, struct err *err);
/* Flushes and closes; NULL is fine and true. */
bool results_file_close(struct results_file *file, struct err *err);

#endif
