/* The small readers of outside text: base64, UTF-8, paths, times, URLs, numbers, reply_to. */
#include "fuzz.h"

#include <string.h>

#include "common/clock.h"
#include "common/digest.h"
#include "common/mem.h"
#include "common/reply_to.h"
#include "common/text.h"

/* Allocates `*out`, (size + 2) / 3 * 4 characters. */
static size_t encode_base64(const unsigned char *data, size_t size, char **out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t at = 0;
    *out = malloc((size + 2) / 3 * 4 + 1);
    if (*out == NULL)
        abort();
    for (size_t i = 0; i < size; i += 3) {
        unsigned value = (unsigned)data[i] << 16;
        value |= i + 1 < size ? (unsigned)data[i + 1] << 8 : 0;
        value |= i + 2 < size ? (unsigned)data[i + 2] : 0;
        (*out)[at++] = digits[value >> 18];
        (*out)[at++] = digits[value >> 12 & 63];
        (*out)[at++] = i + 1 < size ? digits[value >> 6 & 63] : '=';
        (*out)[at++] = i + 2 < size ? digits[value & 63] : '=';
    }
    return at;
}

/* What decodes is exactly what encoding gives, but for unused bits at the end, which a decoder may ignore. */
static void check_base64(const char *text, size_t size)
{
    unsigned char *decoded = NULL;
    size_t decoded_size = 0;
    if (base64_decode(text, size, &decoded, &decoded_size)) {
        autofree char *again = NULL;
        FUZZ_REQUIRE(size % 4 == 0 && decoded_size <= size / 4 * 3);
        FUZZ_REQUIRE(encode_base64(decoded, decoded_size, &again) == size);
        FUZZ_REQUIRE(size < 4 || memcmp(again, text, size - 4) == 0);
        free(decoded);
    }
    /* And everything can be decoded that was encoded. */
    autofree char *encoded = NULL;
    size_t encoded_size = encode_base64((const unsigned char *)text, size, &encoded);
    FUZZ_REQUIRE(base64_decode(encoded, encoded_size, &decoded, &decoded_size));
    FUZZ_REQUIRE(decoded_size == size && (size == 0 || memcmp(decoded, text, size) == 0));
    free(decoded);
}

static void check_clean(const char *text, size_t size)
{
    autobuf struct buf clean = BUF_INIT, cut = BUF_INIT, json = BUF_INIT;
    size_t offset = size;
    bool valid = text_is_utf8(text, size, &offset) && (size == 0 || memchr(text, '\0', size) == NULL);
    FUZZ_REQUIRE(offset <= size);
    text_append_clean(&clean, text, size);
    FUZZ_REQUIRE(!clean.failed && strlen(buf_text(&clean)) == clean.size);
    FUZZ_REQUIRE(text_is_utf8(buf_text(&clean), clean.size, NULL));
    FUZZ_REQUIRE(!valid || (clean.size == size && (size == 0 || memcmp(clean.data, text, size) == 0)));
    size_t limit = size / 2;
    bool was_cut = text_append_head_tail(&cut, buf_text(&clean), clean.size, limit);
    FUZZ_REQUIRE(was_cut == (clean.size > limit) && cut.size <= limit);
    FUZZ_REQUIRE(text_is_utf8(buf_text(&cut), cut.size, NULL));
    text_append_json(&json, text, size);
    FUZZ_REQUIRE(json.size >= 2 && strpbrk(buf_text(&json), "\r\n") == NULL);
}

/* A path that has no problem stays inside, however it is put together. */
static void check_path(const char *path, size_t size)
{
    if (text_path_problem(path, size) != NULL)
        return;
    FUZZ_REQUIRE(size > 0 && size <= 1024 && path[0] != '/' && path[size - 1] != '/');
    FUZZ_REQUIRE(memchr(path, '\0', size) == NULL && memmem(path, size, "//", 2) == NULL);
    FUZZ_REQUIRE(memmem(path, size, "/../", 4) == NULL && memmem(path, size, "/./", 3) == NULL);
    FUZZ_REQUIRE(size < 2 || memcmp(path, "./", 2) != 0);
    FUZZ_REQUIRE(size < 3 || memcmp(path, "../", 3) != 0);
    FUZZ_REQUIRE(size < 3 || memcmp(path + size - 3, "/..", 3) != 0);
    FUZZ_REQUIRE(!(size == 2 && memcmp(path, "..", 2) == 0) && !(size == 1 && path[0] == '.'));
}

static void check_scalars(const char *text)
{
    char written[RFC3339_SIZE];
    int64_t unix_ms = 0, again = 0;
    uint64_t number = 0;
    char digits[32];
    if (clock_parse_rfc3339(text, &unix_ms) && unix_ms >= 0 && unix_ms < 253402300800000) {
        clock_rfc3339(unix_ms, written);
        FUZZ_REQUIRE(clock_parse_rfc3339(written, &again) && again == unix_ms);
    }
    if (text_parse_u64(text, &number)) {
        (void)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
        FUZZ_REQUIRE(strcmp(text + strspn(text, "0"), strcmp(digits, "0") == 0 ? "" : digits) == 0);
    }
    FUZZ_REQUIRE(!reply_to_is_allowed(text) ||
                 (strlen(text) <= 255 && (strncmp(text, "amq.", 4) == 0 || strncmp(text, "assay.", 6) == 0)));
    autobuf struct buf redacted = BUF_INIT;
    text_redact_url(&redacted, text);
    FUZZ_REQUIRE(!redacted.failed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_copy(data, size);
    check_base64(text, size);
    check_clean(text, size);
    check_path(text, size);
    FUZZ_REQUIRE(!text_is_id(text, size) || (size >= 1 && size <= TEXT_ID_MAX));
    autofree char *terminated = strndup(text, size);
    if (terminated != NULL)
        check_scalars(terminated);
    free(text);
    return 0;
}
