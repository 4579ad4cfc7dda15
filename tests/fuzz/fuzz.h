/*
 * What the fuzzing harnesses share. Each fuzz_NAME.c has libFuzzer's entry point and holds one parser of
 * outside data to its promises. Built with clang they are libFuzzer programs; with gcc, driver.c takes its
 * place (same options, coverage-guided as well).
 */
#ifndef ASSAY_TESTS_FUZZ_H
#define ASSAY_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise: when it is broken the program aborts, and the driver saves the input. */
#define FUZZ_REQUIRE(condition)                                                                              \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            (void)fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #condition);            \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

/* An exact copy on the heap, so that AddressSanitizer sees a read behind its end. */
static inline char *fuzz_copy(const uint8_t *data, size_t size)
{
    char *copy = calloc(1, size > 0 ? size : 1);
    if (copy == NULL)
        abort();
    for (size_t i = 0; i < size; i++)
        copy[i] = (char)data[i];
    return copy;
}

#endif
