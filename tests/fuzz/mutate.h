/* Changes inputs at random, for driver.c: bytes, pieces, numbers, the words of a dictionary. */
#ifndef ASSAY_TESTS_FUZZ_MUTATE_H
#define ASSAY_TESTS_FUZZ_MUTATE_H

#include <stddef.h>
#include <stdint.h>

struct input {
    uint8_t *data;
    size_t size;
};

/* The same seed gives the same numbers. */
void mutate_seed(uint64_t seed);
/* 0 <= number < bound; 0 when bound is 0. */
size_t mutate_below(size_t bound);
/* Reads libFuzzer's dictionaries: name="text" with \xNN, \" and \\, a line each. Ends the program when it
 * cannot. */
void mutate_read_dictionary(const char *path);
/* Changes `input`, in place, some times; `input` has max_len places and never grows beyond. `other` lends
 * pieces. */
void mutate(struct input *input, struct input other, size_t max_len);
/* Frees the dictionary. */
void mutate_end(void);

#endif
