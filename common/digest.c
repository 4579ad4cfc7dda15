#include "common/digest.h"

/* The functions that are SHA-256 and no more. OpenSSL 3 would have all programs go through EVP, which loads
 * providers, configuration and error texts for it: 2 MB of a process. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

void digest_sha256(const void *data, size_t size, unsigned char out[DIGEST_SIZE])
{
    SHA256_CTX context;
    (void)SHA256_Init(&context);
    (void)SHA256_Update(&context, data, size);
    (void)SHA256_Final(out, &context);
}

void digest_sha256_hex(const void *data, size_t size, char out[DIGEST_HEX_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char digest[DIGEST_SIZE];
    digest_sha256(data, size, digest);
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        out[2 * i] = hex[digest[i] >> 4];
        out[2 * i + 1] = hex[digest[i] & 15];
    }
    out[DIGEST_HEX_SIZE - 1] = '\0';
}

/* EVP_DecodeBlock skips white space at the ends and takes '=' anywhere in the last block as it likes; the
 * strict form (RFC 4648, 3.1-3.5: alphabet only, canonical padding bits) is checked here first. */
static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool is_canonical(const char *text, size_t size, size_t *padding)
{
    if (size % 4 != 0)
        return false;
    *padding = 0;
    if (size == 0)
        return true;
    if (text[size - 1] == '=')
        *padding = text[size - 2] == '=' ? 2 : 1;
    for (size_t i = 0; i < size - *padding; i++) {
        if (value_of(text[i]) < 0)
            return false;
    }
    int last = value_of(text[size - *padding - 1]);
    return *padding == 0 || (last & (*padding == 1 ? 3 : 15)) == 0;
}

bool base64_decode(const char *text, size_t size, unsigned char **out, size_t *out_size)
{
    size_t padding;
    if (size > (size_t)1 << 30 || !is_canonical(text, size, &padding))
        return false;
    unsigned char *data = malloc(size / 4 * 3 + 1);
    if (data == NULL)
        return false;
    if (size > 0 && EVP_DecodeBlock(data, (const unsigned char *)text, (int)size) < 0) {
        free(data);
        return false;
    }
    *out = data;
    *out_size = size / 4 * 3 - padding;
    data[*out_size] = '\0';
    return true;
}
