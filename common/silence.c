#include "common/silence.h"

#define DOUBLINGS_MAX 2
#define LATE_LOOKS    5 /* the program was stopped, or the machine asleep */

void silence_begin(struct silence *silence, int64_t now_ms)
{
    silence->oldest = 0;
    silence->since_ms = now_ms;
    silence->looked_ms = now_ms;
}

void silence_excuse(struct silence *silence, int64_t now_ms)
{
    silence->since_ms = now_ms;
    silence->looked_ms = now_ms;
}

bool silence_look(struct silence *silence, uint64_t oldest, int64_t patience_ms, int64_t now_ms)
{
    bool late = now_ms - silence->looked_ms > (int64_t)LATE_LOOKS * SILENCE_LOOK_MS;
    bool heard = silence->oldest != 0 && oldest != silence->oldest;
    if (heard)
        silence->unheard = 0;
    if (late || oldest != silence->oldest)
        silence->since_ms = now_ms;
    silence->oldest = oldest;
    silence->looked_ms = now_ms;
    if (oldest == 0 || now_ms - silence->since_ms < patience_ms << silence->unheard)
        return false;
    if (silence->unheard < DOUBLINGS_MAX)
        silence->unheard++;
    return true;
}
