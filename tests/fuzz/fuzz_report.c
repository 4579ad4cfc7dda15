/*
 * The report of a suite, as hostile code in the harness's process may write it. The input is fed in pieces:
 * its first byte says how large they are. '@' stands for the secret, so that lines get past the first check.
 */
#include "fuzz.h"

#include <string.h>

#include "worker/report.h"

#define SECRET "00112233445566778899aabbccddeeff"

static void check_report(struct report *report)
{
    FUZZ_REQUIRE(report->bytes <= REPORT_BYTES_MAX + REPORT_LINE_MAX);
    for (size_t i = 0; i < report->test_count; i++) {
        const struct report_test *test = &report->tests[i];
        FUZZ_REQUIRE(test->name != NULL && text_is_utf8(test->name, strlen(test->name), NULL));
        FUZZ_REQUIRE(test->outcome < OUTCOME_COUNT && test->ms >= 0);
        FUZZ_REQUIRE(test->message == NULL || text_is_utf8(test->message, strlen(test->message), NULL));
    }
    (void)report_missing(report);
    (void)report_interrupted(report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct report report; /* too large for a stack */
    if (size == 0)
        return 0;
    autobuf struct buf text = BUF_INIT;
    for (size_t i = 1; i < size; i++) {
        if (data[i] == '@')
            buf_append_text(&text, SECRET);
        else
            buf_append_char(&text, (char)data[i]);
    }
    size_t piece = (size_t)data[0] + 1;
    report_init(&report, SECRET);
    bool going = true;
    for (size_t at = 0; going && at < text.size; at += piece) {
        size_t count = text.size - at < piece ? text.size - at : piece;
        going = report_feed(&report, text.data + at, count);
        FUZZ_REQUIRE(going || report.forgery != NULL || report.no_memory);
    }
    report_finish(&report, data[0] % 2 == 0);
    check_report(&report);
    report_free(&report);
    return 0;
}
