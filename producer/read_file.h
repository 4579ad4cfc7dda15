/* A whole small file, with a bound. */
#ifndef ASSAY_PRODUCER_READ_FILE_H
#define ASSAY_PRODUCER_READ_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

/* Appends the file. ERR_INPUT when it cannot be opened, is no regular file or pipe, or is larger than
 * `max_bytes` (refused by name, not cut); ERR_IO when reading fails. */
bool read_file_append(const char *path, size_t max_bytes, struct buf *out, struct err *err);

#endif
