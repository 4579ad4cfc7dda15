/* Comparing outputs: the first two bytes choose how, the first NUL parts expected from actual. */
#include "fuzz.h"

#include <string.h>

#include "common/text.h"
#include "worker/compare.h"

static bool compare(enum compare_kind kind, double tolerance, const char *a, size_t a_size, const char *b,
                    size_t b_size)
{
    autobuf struct buf difference = BUF_INIT;
    bool same = compare_output(kind, tolerance, a, a_size, b, b_size, &difference);
    FUZZ_REQUIRE(same == (difference.size == 0) && difference.size < 1024);
    FUZZ_REQUIRE(text_is_utf8(buf_text(&difference), difference.size, NULL));
    FUZZ_REQUIRE(strpbrk(buf_text(&difference), "\r\n") == NULL);
    return same;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    enum compare_kind kind = (enum compare_kind)(data[0] % 4);
    double tolerance = (double)data[1] / 64.0;
    const uint8_t *parting = memchr(data + 2, '\0', size - 2);
    size_t a_size = parting != NULL ? (size_t)(parting - data) - 2 : size - 2;
    size_t b_size = parting != NULL ? size - 3 - a_size : 0;
    char *a = fuzz_copy(data + 2, a_size);
    char *b = fuzz_copy(parting != NULL ? parting + 1 : data, b_size);
    FUZZ_REQUIRE(compare(kind, tolerance, a, a_size, a, a_size));
    FUZZ_REQUIRE(compare(kind, tolerance, b, b_size, b, b_size));
    bool same = compare(kind, tolerance, a, a_size, b, b_size);
    /* Each kind is laxer than the one before. */
    if (compare(COMPARE_EXACT, 0, a, a_size, b, b_size))
        FUZZ_REQUIRE(same && a_size == b_size);
    if (compare(COMPARE_TRIM, 0, a, a_size, b, b_size))
        FUZZ_REQUIRE(compare(COMPARE_TOKENS, 0, a, a_size, b, b_size));
    if (compare(COMPARE_TOKENS, 0, a, a_size, b, b_size))
        FUZZ_REQUIRE(compare(COMPARE_FLOAT, tolerance, a, a_size, b, b_size));
    free(a);
    free(b);
    return 0;
}
