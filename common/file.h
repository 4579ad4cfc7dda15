/* Small files, read whole. */
#ifndef ASSAY_COMMON_FILE_H
#define ASSAY_COMMON_FILE_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"

/* Appends the content of `path` to `out`, at most `most` bytes. ERR_CONFIG (these are files of the operator)
 * names the file: it cannot be opened or read, is a folder, or is larger. */
bool file_read(const char *path, size_t most, struct buf *out, struct err *err);

#endif
