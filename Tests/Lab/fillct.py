"""Fills this namespace's connection tracking table with COUNT connections that last: fillct.py COUNT. Prints "ready" when it is done.

They are TCP connections that are established and have answered, so that the kernel does not drop them for new ones.
"""

import socket
import struct
import sys

NETLINK_NETFILTER, IPCTNL_MSG_CT_NEW = 12, 0x100
NLM_F_REQUEST, NLM_F_EXCL, NLM_F_CREATE = 0x1, 0x200, 0x400
SEEN_REPLY, ASSURED, CONFIRMED = 2, 4, 8
TUPLE_ORIG, TUPLE_REPLY, STATUS, PROTOINFO, TIMEOUT = 1, 2, 3, 4, 7
ESTABLISHED, SECONDS = 3, 600


def attribute(kind, *parts):
    """A netlink attribute; one of several parts, or of attributes, is nested."""
    body = b"".join(parts)
    return struct.pack("=HH", 4 + len(body), kind) + body + bytes(-len(body) % 4)


def nested(kind, *parts):
    return attribute(kind | 0x8000, *parts)


def ports_and_addresses(kind, source, target, source_port, port):
    ports = attribute(2, struct.pack("!H", source_port)), attribute(3, struct.pack("!H", port))
    return nested(kind, nested(1, attribute(1, source), attribute(2, target)), nested(2, attribute(1, bytes([socket.IPPROTO_TCP])), *ports))


def connection(source_port, port):
    """A message that makes a connection."""
    source, target = socket.inet_aton("198.19.255.1"), socket.inet_aton("198.19.255.2")
    body = struct.pack("!BBH", socket.AF_INET, 0, 0)
    body += ports_and_addresses(TUPLE_ORIG, source, target, source_port, port)
    body += ports_and_addresses(TUPLE_REPLY, target, source, port, source_port)
    body += attribute(STATUS, struct.pack("!I", SEEN_REPLY | ASSURED | CONFIRMED)) + attribute(TIMEOUT, struct.pack("!I", SECONDS))
    body += nested(PROTOINFO, nested(1, attribute(1, bytes([ESTABLISHED]))))
    return struct.pack("=IHHII", 16 + len(body), IPCTNL_MSG_CT_NEW, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL, 0, 0) + body


def patched(number):
    """The message for a connection, one for each number: faster than making it anew."""
    return TEMPLATE.replace(SOURCE_PORT, struct.pack("!H", 1 + (number & 0x3FFF))).replace(PORT, struct.pack("!H", 1 + (number >> 14)))


# Two ports that stand nowhere else in a message.
SOURCE_PORT, PORT = b"\xaa\xbb", b"\xcc\xdd"
TEMPLATE = connection(0xAABB, 0xCCDD)
count = int(sys.argv[1])
with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as netlink:
    for first in range(0, count, 100):
        netlink.send(b"".join(map(patched, range(first, min(count, first + 100)))))
print("ready", flush=True)
