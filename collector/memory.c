#include "collector/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

#define EXIT_NO_MEMORY 4

void memory_exhausted(void)
{
    log_error("out of memory: the collector ends; what it held is delivered again");
    _exit(EXIT_NO_MEMORY);
}

static void *checked(void *pointer)
{
    if (pointer == NULL)
        memory_exhausted();
    return pointer;
}

void *memory_take(size_t size)
{
    return checked(calloc(1, size > 0 ? size : 1));
}

void *memory_resize(void *array, size_t count, size_t item_size)
{
    if (item_size != 0 && count > SIZE_MAX / item_size)
        return checked(NULL);
    return checked(realloc(array, count * item_size > 0 ? count * item_size : 1));
}

char *memory_text(const char *text)
{
    return text != NULL ? checked(strdup(text)) : NULL;
}

char *memory_bytes(const void *data, size_t size)
{
    char *copy = memory_take(size + 1);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

char *memory_steal(struct buf *buf)
{
    return checked(buf_steal(buf, NULL));
}
