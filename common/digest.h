/* SHA-256 and base64, by OpenSSL's libcrypto (the one file that includes it is digest.c). */
#ifndef ASSAY_COMMON_DIGEST_H
#define ASSAY_COMMON_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#define DIGEST_SIZE     32
#define DIGEST_HEX_SIZE 65

void digest_sha256(const void *data, size_t size, unsigned char out[DIGEST_SIZE]);
void digest_sha256_hex(const void *data, size_t size, char out[DIGEST_HEX_SIZE]);
/* RFC 4648 with padding, no white space. `out` is malloc'ed, owned by the caller; false when `text` is not
 * base64. */
bool base64_decode(const char *text, size_t size, unsigned char **out, size_t *out_size);

#endif
