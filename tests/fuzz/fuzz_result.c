/* result_parse: what is taken can be written, and is then taken as the same. */
#include "fuzz.h"

#include <string.h>

#include "common/message/result.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *body = fuzz_copy(data, size);
    struct err err = ERR_INIT;
    struct result *result = result_parse(body, size, &err);
    free(body);
    if (result == NULL) {
        FUZZ_REQUIRE(err.code == ERR_INPUT && strpbrk(err.text, "\r\n") == NULL);
        return 0;
    }
    FUZZ_REQUIRE(result->has_pass_rate == (result->status != STATUS_ERROR));
    FUZZ_REQUIRE(result->test_count <= RESULT_TESTS_MAX && result->error_count <= RESULT_ERRORS_MAX);
    autobuf struct buf first = BUF_INIT, second = BUF_INIT, key = BUF_INIT;
    result_to_json(result, &first);
    FUZZ_REQUIRE(!first.failed && text_is_utf8(first.data, first.size, NULL));
    struct result *again = result_parse(first.data, first.size, &err);
    FUZZ_REQUIRE(again != NULL);
    result_to_json(again, &second);
    FUZZ_REQUIRE(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    result_routing_key(again, &key);
    FUZZ_REQUIRE(key.size <= 255);
    result_free(again);
    result_free(result);
    return 0;
}
