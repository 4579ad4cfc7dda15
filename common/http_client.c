#include "common/http_client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/text.h"

struct download {
    struct buf *body;
    size_t start, max_bytes; /* `start`: what the caller's buffer held before */
    bool too_large;
};

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct download *download = context;
    size_t bytes = size * count;
    if (bytes > download->max_bytes - (download->body->size - download->start)) {
        download->too_large = true;
        return 0;
    }
    buf_append(download->body, data, bytes);
    return download->body->failed ? 0 : bytes;
}

/* Once a process; curl_global_init is not reference-counted in a way that needs the clean-up at exit. */
static bool start_library(struct err *err)
{
    static bool started;
    if (!started && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(err, ERR_INTERNAL, "libcurl does not start");
    started = true;
    return true;
}

static void set_options(CURL *curl, const struct http_request *request, struct download *download,
                        char *message)
{
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, request->redirects_max > 0 ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)request->redirects_max);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)request->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)request->max_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, download);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "assay/" ASSAY_VERSION);
    if (request->ca_file != NULL && request->ca_file[0] != '\0')
        curl_easy_setopt(curl, CURLOPT_CAINFO, request->ca_file);
    if (request->user != NULL && request->user[0] != '\0') {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(curl, CURLOPT_USERNAME, request->user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, request->password != NULL ? request->password : "");
    }
}

static bool describe(const struct http_request *request, const char *url, CURLcode code, long status,
                     const struct download *download, const char *message, struct err *err)
{
    if (download->body->failed)
        return err_set(err, ERR_NO_MEMORY, "GET %s: no memory for the answer", url);
    if (download->too_large || code == CURLE_FILESIZE_EXCEEDED)
        return err_set(err, ERR_INPUT, "GET %s: the answer is larger than %zu bytes", url,
                       request->max_bytes);
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
        return err_set(err, ERR_INPUT, "GET %s: not an http or https URL", url);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return err_set(err, ERR_UNREACHABLE, "GET %s: took longer than %.1f s", url,
                       (double)request->timeout_ms / 1000.0);
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
        return err_set(err, ERR_UNREACHABLE,
                       "GET %s: %s; is the certificate made for this host and still valid%s%s?", url,
                       message[0] != '\0' ? message : curl_easy_strerror(code),
                       request->ca_setting != NULL ? ", and its authority's file named by " : "",
                       request->ca_setting != NULL ? request->ca_setting : "");
    if (code != CURLE_OK)
        return err_set(err, code == CURLE_TOO_MANY_REDIRECTS ? ERR_PROTOCOL : ERR_UNREACHABLE, "GET %s: %s",
                       url, message[0] != '\0' ? message : curl_easy_strerror(code));
    return err_set(err, status == 401 || status == 403 ? ERR_DENIED : ERR_PROTOCOL,
                   "GET %s: the answer is HTTP %ld", url, status);
}

bool http_get(const struct http_request *request, struct buf *body, long *status, struct err *err)
{
    autobuf struct buf url = BUF_INIT;
    text_redact_url(&url, request->url);
    if (status != NULL)
        *status = 0;
    if (!http_is_url(request->url))
        return err_set(err, ERR_INPUT, "GET %s: not an http or https URL", buf_text(&url));
    if (!start_library(err))
        return false;
    CURL *curl = curl_easy_init();
    if (curl == NULL)
        return err_set(err, ERR_NO_MEMORY, "GET %s: no memory", buf_text(&url));
    char message[CURL_ERROR_SIZE] = "";
    struct download download = {body, body->size, request->max_bytes, false};
    set_options(curl, request, &download, message);
    CURLcode code = curl_easy_perform(curl);
    long answer = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer);
    curl_easy_cleanup(curl);
    if (status != NULL)
        *status = answer;
    if (code == CURLE_OK && answer == 200 && !body->failed)
        return true;
    return describe(request, buf_text(&url), code, answer, &download, message, err);
}

bool http_is_url(const char *text)
{
    return strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0;
}

void http_append_encoded(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                     strchr("-._~", c) != NULL;
        if (plain)
            buf_append_char(out, (char)c);
        else
            buf_printf(out, "%%%02X", c);
    }
}
