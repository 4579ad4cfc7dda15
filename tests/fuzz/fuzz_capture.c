/*
 * What is kept of a program's output, written in pieces. The first four bytes choose: kept bytes, kill bound,
 * whole or bounded, the size of the pieces.
 */
#include "fuzz.h"

#include <string.h>

#include "common/text.h"
#include "worker/capture.h"

/* A bounded capture never holds more than its head and twice its tail. */
static void check_bounds(const struct capture *capture, size_t written)
{
    FUZZ_REQUIRE(!capture->failed && capture->total_bytes == written);
    if (capture->whole)
        FUZZ_REQUIRE(capture->head.size <= capture->kill_bytes);
    else
        FUZZ_REQUIRE(capture->head.size + capture->tail.size <= 2 * capture->keep_bytes);
}

static void check_text(struct capture *capture, const uint8_t *data, size_t size)
{
    autobuf struct buf text = BUF_INIT, clean = BUF_INIT;
    bool was_cut = capture_text(capture, &text);
    FUZZ_REQUIRE(!text.failed && text_is_utf8(buf_text(&text), text.size, NULL));
    FUZZ_REQUIRE(was_cut == (size > capture->keep_bytes));
    if (was_cut)
        return;
    text_append_clean(&clean, (const char *)data, size);
    FUZZ_REQUIRE(text.size == clean.size &&
                 (text.size == 0 || memcmp(text.data, clean.data, text.size) == 0));
}

static void check_tail(struct capture *capture, const uint8_t *data, size_t size)
{
    size_t got = 0;
    const char *tail = capture_tail(capture, 16, &got);
    FUZZ_REQUIRE(got <= 16 && got <= size);
    if (!capture->whole || size <= capture->kill_bytes)
        FUZZ_REQUIRE(got == 0 || capture->tail.size + capture->head.size == 0 ||
                     memcmp(tail, data + size - got, got) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4)
        return 0;
    size_t keep = (size_t)data[0] * 4 + 2, piece = (size_t)data[3] + 1;
    /* As the worker: the bound is not below what is kept, and only a bounded capture has none. */
    size_t kill = data[2] % 4 == 0 ? 0 : keep + (size_t)data[1] * 8;
    bool whole = data[2] % 4 == 1;
    struct capture capture;
    data += 4;
    size -= 4;
    char *text = fuzz_copy(data, size);
    capture_init(&capture, keep, kill, whole);
    size_t at = 0;
    bool going = true;
    while (going && at < size) {
        size_t count = size - at < piece ? size - at : piece;
        going = capture_append(&capture, text + at, count);
        at += count;
        FUZZ_REQUIRE(going == (kill == 0 || at <= kill));
        check_bounds(&capture, at);
    }
    free(text);
    if (going)
        check_text(&capture, data, at);
    check_tail(&capture, data, at);
    if (whole && going) {
        size_t whole_size = 0;
        const char *all = capture_whole(&capture, &whole_size);
        FUZZ_REQUIRE(whole_size == size && (size == 0 || memcmp(all, data, size) == 0));
    }
    capture_free(&capture);
    return 0;
}
