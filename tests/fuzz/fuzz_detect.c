/* The language of a program: parted by NUL are a file's name, the program, the suite. */
#include "fuzz.h"

#include <string.h>

#include "producer/detect.h"

static struct blob take_part(char **at, char *end)
{
    char *zero = memchr(*at, '\0', (size_t)(end - *at));
    struct blob part = {*at, (size_t)((zero != NULL ? zero : end) - *at)};
    *at = zero != NULL ? zero + 1 : end;
    return part;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = fuzz_copy(data, size);
    char *at = copy;
    struct blob name = take_part(&at, copy + size);
    char *terminated = strndup(name.data, name.size);
    if (terminated == NULL)
        abort();
    const char *names[] = {terminated};
    struct task_texts texts = {.names = names, .name_count = name.size > 0 ? 1 : 0};
    texts.program = take_part(&at, copy + size);
    texts.suite = take_part(&at, copy + size);
    enum language language = LANGUAGE_COUNT;
    struct err err = ERR_INIT;
    if (detect_language(&texts, &language, &err)) {
        FUZZ_REQUIRE(language < LANGUAGE_COUNT && detect_name(language)[0] != '\0');
    } else {
        FUZZ_REQUIRE(err.code == ERR_INPUT && err.text[0] != '\0' && strpbrk(err.text, "\r\n") == NULL);
    }
    free(terminated);
    free(copy);
    return 0;
}
