/*
 * assay-slot-init: the first process inside a slot's sandbox (slot_init.h has the theory of operation).
 * assay-worker starts it; it is of no use by hand.
 */
#include <stdio.h>
#include <sys/socket.h>

#include "worker/sandbox/slot_init.h"
#include "worker/sandbox/wire.h"

int main(void)
{
    int type = 0;
    socklen_t size = sizeof(type);

    if (getsockopt(WIRE_SOCKET, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET) {
        (void)fprintf(stderr, "%s is started by assay-worker, not by hand\n", SLOT_INIT_PROGRAM);
        return 2;
    }
    slot_init_main();
}
