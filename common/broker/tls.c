#include "common/broker/internal.h"

#include <amqp_ssl_socket.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#define SYSTEM_CERTIFICATES "/etc/ssl/certs/ca-certificates.crt"

/* OpenSSL's own verification; librabbitmq tells only that it failed, so the cause is kept here. */
static int verify(X509_STORE_CTX *store, void *context)
{
    struct broker *broker = context;
    int verified = X509_verify_cert(store);
    broker->certificate_fault = verified > 0 ? X509_V_OK : X509_STORE_CTX_get_error(store);
    return verified;
}

amqp_socket_t *broker_tls_socket(struct broker *broker, const struct broker_url *url, struct err *err)
{
    amqp_socket_t *socket = amqp_ssl_socket_new(broker->connection);
    if (socket == NULL) {
        (void)broker_fault(broker, err, ERR_NO_MEMORY, "cannot make a TLS socket");
        return NULL;
    }
    const char *ca_file = url->ca_file == NULL ? SYSTEM_CERTIFICATES : url->ca_file;
    amqp_ssl_socket_set_verify_peer(socket, 1);
    amqp_ssl_socket_set_verify_hostname(socket, 1);
    SSL_CTX_set_cert_verify_callback(amqp_ssl_socket_get_context(socket), verify, broker);
    if (amqp_ssl_socket_set_cacert(socket, ca_file) != AMQP_STATUS_OK) {
        (void)broker_fault(broker, err, ERR_CONFIG,
                           "cannot read certificates from %s; name the authority's file with "
                           "?cacertfile=FILE in the broker URL",
                           ca_file);
        return NULL;
    }
    if (amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST) != AMQP_STATUS_OK) {
        (void)broker_fault(broker, err, ERR_CONFIG, "this OpenSSL has no TLS 1.2");
        return NULL;
    }
    if (url->cert_file != NULL &&
        amqp_ssl_socket_set_key(socket, url->cert_file, url->key_file) != AMQP_STATUS_OK) {
        (void)broker_fault(broker, err, ERR_CONFIG, "cannot use certificate %s with key %s", url->cert_file,
                           url->key_file);
        return NULL;
    }
    return socket;
}

static const char *certificate_remedy(int fault)
{
    switch (fault) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "renew it on the server, and look at this machine's clock";
    default:
        return "name the file of the authority that signed it with ?cacertfile=FILE in the broker URL";
    }
}

bool broker_tls_fault(struct broker *broker, const struct broker_url *url, int status, struct err *err)
{
    if (broker->certificate_fault != X509_V_OK)
        return broker_fault(broker, err, ERR_UNREACHABLE, "TLS: the server's certificate is refused: %s; %s",
                            X509_verify_cert_error_string(broker->certificate_fault),
                            certificate_remedy(broker->certificate_fault));
    if (status == AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED)
        return broker_fault(broker, err, ERR_UNREACHABLE,
                            "TLS: the server's certificate is refused: it is not made for the host %s; put a "
                            "name that it has (not an address) in the broker URL",
                            url->host);
    return broker_fault(broker, err, ERR_UNREACHABLE,
                        "TLS: %s; is this the TLS port, and does the server ask for a certificate of ours "
                        "(?certfile=FILE&keyfile=FILE in the broker URL)?",
                        amqp_error_string2(status));
}
