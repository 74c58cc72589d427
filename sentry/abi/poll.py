# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""poll(2) and select(2): events and layouts (include/uapi/asm-generic/poll.h, include/linux/poll.h, fs/select.c)."""

import struct

POLLIN, POLLPRI, POLLOUT, POLLERR, POLLHUP, POLLNVAL = 1, 2, 4, 8, 0x10, 0x20
POLLRDNORM, POLLRDBAND, POLLWRNORM, POLLWRBAND, POLLMSG, POLLRDHUP = 0x40, 0x80, 0x100, 0x200, 0x400, 0x2000

POLL_IN_SET = POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR
POLL_OUT_SET = POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR
POLL_EX_SET = POLLPRI
"""What makes a descriptor appear in select's three sets."""

POLLFD = struct.Struct("<ihh")  # fd, events, revents
TIMESPEC = struct.Struct("<qq")  # s, ns
TIMEVAL = struct.Struct("<qq")  # s, µs
