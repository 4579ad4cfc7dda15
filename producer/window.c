#include "producer/window.h"

#include <string.h>

static void list_append(struct window_list *list, struct window_item *item)
{
    item->next = NULL;
    if (list->last != NULL)
        list->last->next = item;
    else
        list->first = item;
    list->last = item;
}

static struct window_item *list_shift(struct window_list *list)
{
    struct window_item *item = list->first;
    if (item == NULL)
        return NULL;
    list->first = item->next;
    if (list->first == NULL)
        list->last = NULL;
    item->next = NULL;
    return item;
}

/* `front` before what `list` holds; `front` is empty afterwards. */
static void list_prepend_all(struct window_list *list, struct window_list *front)
{
    if (front->first == NULL)
        return;
    front->last->next = list->first;
    list->first = front->first;
    if (list->last == NULL)
        list->last = front->last;
    front->first = front->last = NULL;
}

void window_init(struct window *window, size_t limit, size_t bytes_limit)
{
    memset(window, 0, sizeof *window);
    window->limit = limit;
    window->bytes_limit = bytes_limit;
    window->backoff = (struct backoff)BACKOFF_INIT;
}

bool window_has_room(const struct window *window)
{
    return window->count == 0 || (window->count < window->limit && window->bytes < window->bytes_limit);
}

void window_add(struct window *window, struct window_item *item)
{
    item->sequence = 0;
    item->returned = false;
    window->count++;
    window->bytes += item->bytes;
    list_append(&window->waiting, item);
}

struct window_item *window_next(const struct window *window, int64_t now_ms)
{
    return now_ms < window->paused_until_ms ? NULL : window->waiting.first;
}

void window_sent(struct window *window, uint64_t sequence)
{
    struct window_item *item = list_shift(&window->waiting);
    item->sequence = sequence;
    list_append(&window->sent, item);
}

/* Takes the sent items that the confirm means out of `sent`, in order. */
static struct window_list take_confirmed(struct window *window, uint64_t sequence, bool multiple)
{
    struct window_list taken = {NULL, NULL};
    struct window_list kept = {NULL, NULL};
    for (struct window_item *item = NULL; (item = list_shift(&window->sent)) != NULL;) {
        bool meant = multiple ? item->sequence <= sequence : item->sequence == sequence;
        list_append(meant ? &taken : &kept, item);
        if (item->sequence >= sequence)
            break;
    }
    list_prepend_all(&window->sent, &kept);
    return taken;
}

void window_confirm(struct window *window, uint64_t sequence, bool multiple, bool accepted, int64_t now_ms,
                    uint32_t random, window_settled_fn *settled, void *context)
{
    struct window_list taken = take_confirmed(window, sequence, multiple);
    if (accepted) {
        if (taken.first != NULL) {
            backoff_reset(&window->backoff);
            window->paused_until_ms = 0;
        }
        for (struct window_item *item = NULL; (item = list_shift(&taken)) != NULL;) {
            window->count--;
            window->bytes -= item->bytes;
            settled(context, item);
        }
        return;
    }
    for (struct window_item *item = taken.first; item != NULL; item = item->next) {
        item->sequence = 0;
        item->returned = false;
        window->refused++;
        window->resent++;
    }
    if (taken.first != NULL && now_ms >= window->paused_until_ms)
        window->paused_until_ms = now_ms + backoff_next(&window->backoff, random);
    list_prepend_all(&window->waiting, &taken);
}

void window_lost(struct window *window)
{
    for (struct window_item *item = window->sent.first; item != NULL; item = item->next) {
        item->sequence = 0;
        item->returned = false;
        window->resent++;
    }
    list_prepend_all(&window->waiting, &window->sent);
}

struct window_item *window_remove_any(struct window *window)
{
    struct window_item *item = list_shift(&window->sent);
    if (item == NULL)
        item = list_shift(&window->waiting);
    if (item != NULL) {
        window->count--;
        window->bytes -= item->bytes;
    }
    return item;
}
