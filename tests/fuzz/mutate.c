#include "mutate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX     512
#define MUTATIONS_MAX 6

static struct input words[WORDS_MAX];
static size_t word_count;
static uint64_t random_state = 1;

static uint64_t random_number(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545F4914F6CDD1DULL;
}

void mutate_seed(uint64_t seed)
{
    random_state = seed | 1;
}

size_t mutate_below(size_t bound)
{
    return bound == 0 ? 0 : (size_t)(random_number() % bound);
}

/* Puts `piece` over `size` bytes at `at`; nothing when the result would be too long. */
static void replace(struct input *input, size_t at, size_t size, const uint8_t *piece, size_t piece_size,
                    size_t max_len)
{
    if (input->size - size + piece_size > max_len)
        return;
    memmove(input->data + at + piece_size, input->data + at + size, input->size - at - size);
    memcpy(input->data + at, piece, piece_size);
    input->size += piece_size - size;
}

static void put_number(struct input *input, size_t max_len)
{
    static const char *const numbers[] = {"0",
                                          "-1",
                                          "1e999",
                                          "9223372036854775807",
                                          "9223372036854775808",
                                          "0.0",
                                          "1.5",
                                          "1e-9",
                                          "4294967296",
                                          "null",
                                          "[]",
                                          "{}",
                                          "\"\"",
                                          "true",
                                          "-0"};
    const char *number = numbers[mutate_below(sizeof(numbers) / sizeof(numbers[0]))];
    size_t at = mutate_below(input->size + 1), size = 0;
    while (at + size < input->size && input->data[at + size] >= '0' && input->data[at + size] <= '9')
        size++;
    replace(input, at, size, (const uint8_t *)number, strlen(number), max_len);
}

static void put_piece_of(struct input *input, struct input other, size_t max_len)
{
    uint8_t piece[256];
    size_t from = mutate_below(other.size), size = mutate_below(other.size - from + 1);
    size = size < sizeof(piece) ? size : sizeof(piece);
    memcpy(piece, other.data + from, size); /* `other` may be `input` */
    replace(input, mutate_below(input->size + 1), 0, piece, size, max_len);
}

static void mutate_once(struct input *input, struct input other, size_t max_len)
{
    size_t at = mutate_below(input->size);
    uint8_t byte = (uint8_t)random_number();
    switch (mutate_below(9)) {
    case 0:
        if (input->size > 0)
            input->data[at] ^= (uint8_t)(1u << mutate_below(8));
        break;
    case 1:
        if (input->size > 0)
            input->data[at] = byte;
        break;
    case 2:
        replace(input, mutate_below(input->size + 1), 0, &byte, 1, max_len);
        break;
    case 3:
        replace(input, at, mutate_below(input->size - at + 1), &byte, 0, max_len);
        break;
    case 4:
        replace(input, at, mutate_below((input->size - at < 16 ? input->size - at : 16) + 1), &byte, 0,
                max_len);
        break;
    case 5:
        put_piece_of(input, *input, max_len);
        break;
    case 6:
        put_piece_of(input, other, max_len);
        break;
    case 7:
        put_number(input, max_len);
        break;
    default:
        if (word_count > 0) {
            struct input word = words[mutate_below(word_count)];
            replace(input, mutate_below(input->size + 1), 0, word.data, word.size, max_len);
        }
        break;
    }
}

void mutate(struct input *input, struct input other, size_t max_len)
{
    for (size_t i = 1 + mutate_below(MUTATIONS_MAX); i > 0; i--)
        mutate_once(input, other, max_len);
}

void mutate_read_dictionary(const char *path)
{
    char line[1024];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        (void)fprintf(stderr, "cannot read %s\n", path);
        exit(2);
    }
    while (fgets(line, sizeof(line), file) != NULL && word_count < WORDS_MAX) {
        const char *c = strchr(line, '"');
        uint8_t *word = line[0] == '#' || c == NULL ? NULL : malloc(strlen(line));
        size_t size = 0;
        unsigned value;
        for (c = c != NULL ? c + 1 : line; word != NULL && *c != '"' && *c != '\0'; c++) {
            if (*c == '\\' && sscanf(c, "\\x%2x", &value) == 1) {
                word[size++] = (uint8_t)value;
                c += 3;
                continue;
            }
            c += *c == '\\' && c[1] != '\0' ? 1 : 0;
            word[size++] = (uint8_t)*c;
        }
        if (word != NULL)
            words[word_count++] = (struct input){word, size};
    }
    (void)fclose(file);
}

void mutate_end(void)
{
    for (size_t i = 0; i < word_count; i++)
        free(words[i].data);
    word_count = 0;
}
