#include "common/pg/certificate.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define PATIENCE_S 3

/* A connection on which the server has agreed to TLS. */
static BIO *ask_for_tls(const char *host, const char *port)
{
    static const unsigned char request[8] = {0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f};
    const struct timeval patience = {PATIENCE_S, 0};
    char place[300];
    char answer = 0;
    int fd = -1;
    (void)snprintf(place, sizeof place, strchr(host, ':') != NULL ? "[%s]:%s" : "%s:%s", host, port);
    BIO *bio = BIO_new_connect(place);
    if (bio == NULL)
        return NULL;
    if (BIO_do_connect_retry(bio, PATIENCE_S, 0) == 1 && BIO_get_fd(bio, &fd) >= 0 &&
        BIO_socket_nbio(fd, 0) == 1 && /* it connected with a deadline, which left it non-blocking */
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
        BIO_write(bio, request, sizeof request) == (int)sizeof request && BIO_read(bio, &answer, 1) == 1 &&
        answer == 'S')
        return bio;
    BIO_free_all(bio);
    return NULL;
}

static const char *fault_of(SSL *ssl)
{
    (void)SSL_connect(ssl);
    long fault = SSL_get_verify_result(ssl);
    return fault == X509_V_OK ? NULL : X509_verify_cert_error_string(fault);
}

const char *pg_certificate_fault(const char *host, const char *port, const char *ca_file)
{
    const char *fault = NULL;
    BIO *bio = ask_for_tls(host, port);
    SSL_CTX *context = bio != NULL ? SSL_CTX_new(TLS_client_method()) : NULL;
    SSL *ssl = context != NULL && SSL_CTX_load_verify_file(context, ca_file) == 1 ? SSL_new(context) : NULL;
    if (ssl != NULL) {
        SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
        SSL_set_bio(ssl, bio, bio); /* takes it over */
        fault = fault_of(ssl);
        SSL_free(ssl);
    } else {
        BIO_free_all(bio);
    }
    SSL_CTX_free(context);
    return fault;
}
