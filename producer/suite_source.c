#include "producer/suite_source.h"

#include <stdlib.h>
#include <string.h>

#include "common/http_client.h"
#include "common/mem.h"
#include "producer/read_file.h"

#define KEPT_MAX       64
#define KEPT_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define KEPT_MS        60000
#define REDIRECTS_MAX  5

struct kept {
    char *path;
    struct buf text;
    struct err failure;
    int64_t until_ms;
};

struct suite_source {
    const struct producer_config *config;
    struct kept kept[KEPT_MAX];
    size_t count, bytes;
};

struct suite_source *suite_source_new(const struct producer_config *config)
{
    struct suite_source *source = calloc(1, sizeof *source);
    if (source != NULL)
        source->config = config;
    return source;
}

static void forget_all(struct suite_source *source)
{
    for (size_t i = 0; i < source->count; i++) {
        free(source->kept[i].path);
        buf_free(&source->kept[i].text);
    }
    memset(source->kept, 0, sizeof source->kept);
    source->count = 0;
    source->bytes = 0;
}

void suite_source_free(struct suite_source *source)
{
    if (source == NULL)
        return;
    forget_all(source);
    free(source);
}

static bool load_file(const struct suite_source *source, const char *path, struct buf *text, struct err *err)
{
    const char *root = source->config->suite_root;
    autobuf struct buf full = BUF_INIT;
    if (strncmp(path, "file://", 7) == 0)
        path += 7;
    if (path[0] != '/' && root[0] != '\0')
        buf_printf(&full, "%s/", root);
    buf_append_text(&full, path);
    return read_file_append(buf_text(&full), (size_t)source->config->suite_max_bytes, text, err);
}

static bool load(const struct suite_source *source, const char *path, struct buf *text, struct err *err)
{
    if (path[0] == '\0')
        return err_set(err, ERR_INPUT, "applications.test_suite_path is empty");
    if (http_is_url(path)) {
        struct http_request request = {.url = path,
                                       .max_bytes = (size_t)source->config->suite_max_bytes,
                                       .timeout_ms = source->config->suite_timeout_s * 1000,
                                       .redirects_max = REDIRECTS_MAX};
        return http_get(&request, text, NULL, err);
    }
    if (strstr(path, "://") != NULL && strncmp(path, "file://", 7) != 0)
        return err_set(err, ERR_INPUT, "%.200s: a test suite is a file path or an http or https URL", path);
    return load_file(source, path, text, err);
}

static const char *limit_setting(const struct err *err)
{
    if (strstr(err->text, "larger than") != NULL)
        return " (suite.max_bytes)";
    return strstr(err->text, "took longer than") != NULL ? " (suite.timeout_s)" : "";
}

static struct kept *find(struct suite_source *source, const char *path, int64_t now_ms)
{
    for (size_t i = 0; i < source->count; i++) {
        if (strcmp(source->kept[i].path, path) == 0 && now_ms < source->kept[i].until_ms)
            return &source->kept[i];
    }
    return NULL;
}

static struct kept *fetch(struct suite_source *source, const char *path, int64_t now_ms, struct err *err)
{
    if (source->count == KEPT_MAX || source->bytes > KEPT_BYTES_MAX)
        forget_all(source);
    struct kept *kept = &source->kept[source->count];
    kept->path = strdup(path);
    if (kept->path == NULL) {
        err_set(err, ERR_NO_MEMORY, "no memory for a test suite");
        return NULL;
    }
    source->count++;
    kept->until_ms = now_ms + KEPT_MS;
    struct err why = ERR_INIT;
    if (!load(source, path, &kept->text, &why)) {
        err_set(&kept->failure, why.code, "%s%s", why.text, limit_setting(&why));
        buf_free(&kept->text);
    }
    source->bytes += kept->text.size;
    return kept;
}

bool suite_source_get(struct suite_source *source, const char *path, int64_t now_ms, struct blob *suite,
                      struct err *err)
{
    struct kept *kept = find(source, path, now_ms);
    if (kept == NULL)
        kept = fetch(source, path, now_ms, err);
    if (kept == NULL)
        return false;
    if (kept->failure.code != ERR_NONE)
        return err_set(err, kept->failure.code, "test suite: %s", kept->failure.text);
    *suite = (struct blob){buf_text(&kept->text), kept->text.size};
    return true;
}
