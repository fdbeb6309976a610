/* Copyright: (c) 2026, flotilla.virt contributors
   GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
   SPDX-License-Identifier: GPL-3.0-or-later

   vzctl, vzlist and vzpkg on a node without Python: hands its words and its three streams to the double outside, over a Unix
   socket, and ends with the exit code that comes back. When it is killed, the socket closes, and the double ends too. */
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    static char words[262144];
    struct sockaddr_un place = {.sun_family = AF_UNIX, .sun_path = "/run/vznode"};
    int streams[3] = {0, 1, 2}, end = socket(AF_UNIX, SOCK_STREAM, 0);
    unsigned char code = 250;
    size_t used = 0;
    char control[CMSG_SPACE(sizeof streams)] = {0};
    struct iovec part = {.iov_base = words};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);

    for (int index = 0; index < argc; index++) {
        size_t length = strlen(argv[index]) + 1;
        if (used + length > sizeof words)
            return 250;
        memcpy(words + used, argv[index], length);
        used += length;
    }
    part.iov_len = used;
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof streams);
    memcpy(CMSG_DATA(header), streams, sizeof streams);
    if (connect(end, (struct sockaddr *)&place, sizeof place) != 0 || sendmsg(end, &message, 0) != (ssize_t)used)
        return 250;
    if (shutdown(end, SHUT_WR) != 0 || read(end, &code, 1) != 1)
        return 250;
    return code;
}
