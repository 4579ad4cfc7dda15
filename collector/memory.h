/*
 * Memory for a program that may end at any moment: a collector that cannot get some ends (exit 4). Whatever
 * it holds is unacknowledged, so that the broker hands it to the next one; going on with half a batch would
 * be the harder thing to get right.
 */
#ifndef ASSAY_COLLECTOR_MEMORY_H
#define ASSAY_COLLECTOR_MEMORY_H

#include <stddef.h>

#include "common/buf.h"

_Noreturn void memory_exhausted(void);
void *memory_take(size_t size); /* zeroed */
/* `array` resized to `count` items. */
void *memory_resize(void *array, size_t count, size_t item_size);
/* NULL stays NULL. */
char *memory_text(const char *text);
/* NUL-terminated behind `size`. */
char *memory_bytes(const void *data, size_t size);
/* The buffer's text, which is the caller's from now on. */
char *memory_steal(struct buf *buf);

#endif
