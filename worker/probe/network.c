/* No way out: no socket but AF_UNIX, and nothing that listens outside can be reached. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "worker/probe/probe.h"

static void try_socket(const char *name, int family, int type, int protocol)
{
    int fd = socket(family, type, protocol);

    tell_refusal(name, fd);
    if (fd >= 0)
        (void)close(fd);
}

static struct sockaddr_in listener(const struct target *target)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)target->tcp_port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void tcp_connect(const struct target *target)
{
    struct sockaddr_in address = listener(target);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        tell_held("tcp_connect", errno);
    else
        tell_broken("tcp_connect", "reached the worker's port %d on 127.0.0.1", target->tcp_port);
}

static void udp_send(const struct target *target)
{
    struct sockaddr_in address = listener(target);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    if (fd < 0 || sendto(fd, "probe", 5, 0, (struct sockaddr *)&address, sizeof(address)) < 0)
        tell_held("udp_send", errno);
    else
        tell_broken("udp_send", "sent a datagram to 127.0.0.1");
}

static void abstract_connect(const struct target *target)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strnlen(target->abstract, sizeof(address.sun_path) - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    memcpy(address.sun_path + 1, target->abstract, size);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + size)) != 0)
        tell_held("abstract_connect", errno);
    else
        tell_broken("abstract_connect", "reached the worker's abstract socket");
}

void probe_network(const struct target *target)
{
    try_socket("socket_inet", AF_INET, SOCK_STREAM, 0);
    try_socket("socket_inet6", AF_INET6, SOCK_STREAM, 0);
    try_socket("socket_udp", AF_INET, SOCK_DGRAM, 0);
    try_socket("socket_raw", AF_INET, SOCK_RAW, IPPROTO_ICMP);
    try_socket("socket_packet", AF_PACKET, SOCK_RAW, 0);
    try_socket("socket_netlink", AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    try_socket("socket_vsock", AF_VSOCK, SOCK_STREAM, 0);
    in_child("tcp_connect", tcp_connect, target);
    in_child("udp_send", udp_send, target);
    in_child("abstract_connect", abstract_connect, target);
}
