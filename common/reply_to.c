#include "common/reply_to.h"

#include <string.h>

#include "common/message/names.h"

#define DIRECT_PREFIX     "amq.rabbitmq.reply-to."
#define GENERATED_PREFIX  "amq.gen-"
#define SHORT_STRING_MAX  255
#define ALPHANUMERIC      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define BASE64_CHARACTERS ALPHANUMERIC "+/=_-"

static const char *after_prefix(const char *text, const char *prefix)
{
    size_t size = strlen(prefix);
    return strncmp(text, prefix, size) == 0 ? text + size : NULL;
}

static bool consists_of(const char *text, const char *characters)
{
    return *text != '\0' && text[strspn(text, characters)] == '\0';
}

/* "<encoded process>.<key>": both parts there, nothing else. */
static bool is_direct_suffix(const char *suffix)
{
    size_t process = strspn(suffix, BASE64_CHARACTERS);
    return process > 0 && suffix[process] == '.' && consists_of(suffix + process + 1, BASE64_CHARACTERS);
}

bool reply_to_is_allowed(const char *reply_to)
{
    if (reply_to == NULL || strnlen(reply_to, SHORT_STRING_MAX + 1) > SHORT_STRING_MAX)
        return false;
    const char *rest = after_prefix(reply_to, DIRECT_PREFIX);
    if (rest != NULL)
        return is_direct_suffix(rest);
    rest = after_prefix(reply_to, GENERATED_PREFIX);
    if (rest != NULL)
        return consists_of(rest, ALPHANUMERIC "_-");
    rest = after_prefix(reply_to, QUEUE_REPLY_PREFIX);
    return rest != NULL && consists_of(rest, ALPHANUMERIC "._:-");
}
