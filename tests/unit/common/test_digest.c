#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/digest.h"

static void sha256_of_known_texts(void **state)
{
    (void)state;
    char hex[DIGEST_HEX_SIZE];
    digest_sha256_hex("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    digest_sha256_hex(NULL, 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    digest_sha256_hex("abc", 3, hex); /* FIPS 180-4, example */
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void decodes_the_vectors_of_the_standard(void **state)
{
    (void)state;
    static const char *const vectors[][2] = {/* RFC 4648, 10 */
                                             {"", ""},
                                             {"Zg==", "f"},
                                             {"Zm8=", "fo"},
                                             {"Zm9v", "foo"},
                                             {"Zm9vYg==", "foob"},
                                             {"Zm9vYmE=", "fooba"},
                                             {"Zm9vYmFy", "foobar"}};
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        unsigned char *data = NULL;
        size_t size = 99;
        assert_true(base64_decode(vectors[i][0], strlen(vectors[i][0]), &data, &size));
        assert_int_equal(size, strlen(vectors[i][1]));
        assert_memory_equal(data, vectors[i][1], size);
        free(data);
    }
    unsigned char *data;
    size_t size;
    assert_true(base64_decode("AP/+", 4, &data, &size));
    assert_memory_equal(data, "\x00\xff\xfe", 3);
    free(data);
}

static void refuses_what_is_no_base64(void **state)
{
    (void)state;
    static const char *const bad[] = {"Z",        "Zg",    "Zg=",  "Zm8",    "Zm9v\n", " Zm9v",
                                      "Zm9v ",    "Zm-_",  "====", "A===",   "Zh==",   "Zm9=Zm9v",
                                      "Zg==Zg==", "Zm9v=", "=Zm9", "Zm9\xc3"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        unsigned char *data;
        size_t size;
        assert_false(base64_decode(bad[i], strlen(bad[i]), &data, &size));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_of_known_texts),
        cmocka_unit_test(decodes_the_vectors_of_the_standard),
        cmocka_unit_test(refuses_what_is_no_base64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
