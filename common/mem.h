/*
 * Clean-up attributes: a local that owns something gives it back at the end of its scope, on every path.
 * Hand ownership on with steal_ptr / steal_fd. Source of the habit: bubblewrap's utils.h.
 */
#ifndef ASSAY_COMMON_MEM_H
#define ASSAY_COMMON_MEM_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(function) __attribute__((cleanup(function)))

static inline void mem_cleanup_free(void *pointer_to_pointer)
{
    free(*(void **)pointer_to_pointer);
}

static inline void mem_cleanup_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

static inline void mem_cleanup_file(FILE **file)
{
    if (*file != NULL)
        (void)fclose(*file);
}

static inline void *mem_steal(void *pointer_to_pointer)
{
    void *value = *(void **)pointer_to_pointer;
    *(void **)pointer_to_pointer = NULL;
    return value;
}

static inline int steal_fd(int *fd)
{
    int value = *fd;
    *fd = -1;
    return value;
}

#define autofree CLEANUP(mem_cleanup_free)
#define autofd   CLEANUP(mem_cleanup_fd)
#define autofile CLEANUP(mem_cleanup_file)
#ifdef __cppcheck__ /* it cannot read a __typeof__ inside of an initializer */
#define steal_ptr(p) (p)
#else
#define steal_ptr(p) ((__typeof__(p))mem_steal(&(p)))
#endif

/* Close and mark closed; -1 is fine. */
static inline void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
