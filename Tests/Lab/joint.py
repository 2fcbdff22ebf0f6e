"""Joins two interfaces of this kind in two namespaces, packet by packet: joint.py NAMESPACE INTERFACE NAMESPACE INTERFACE [VLAN]

The interfaces are made here and end with this program: tun devices, which have no Ethernet header; or, with a VLAN's number, Ethernet
devices whose frames travel with that tag between near0 and far0, for kernels without 802.1Q of their own. Prints "ready".
"""

import ctypes
import fcntl
import os
import select
import socket
import struct
import sys

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0001, 0x0002, 0x1000
SOL_PACKET, PACKET_AUXDATA, PACKET_OUTGOING, ETH_P_ALL = 263, 8, 4, 3
TP_STATUS_VLAN_VALID = 0x10


def enter(namespace):
    with open(f"/run/netns/{namespace}") as there:
        if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace}")


def device(name, kind):
    descriptor = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), kind | IFF_NO_PI))
    return descriptor


def trunk(interface):
    """A socket for tagged frames; the kernel tells an arriving frame's tag beside it."""
    frames = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    frames.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    frames.bind((interface, ETH_P_ALL))
    return frames


def untagged(frames, vlan):
    """The next frame without its tag, or None where it is another's or our own."""
    frame, notes, _, sender = frames.recvmsg(65_536, 256)
    if sender[2] == PACKET_OUTGOING:
        return None
    if frame[12:14] == b"\x81\x00":
        return frame[:12] + frame[16:] if int.from_bytes(frame[14:16], "big") & 0xFFF == vlan else None
    for _, kind, note in notes:
        status, tag = struct.unpack_from("=I12xH", note) if kind == PACKET_AUXDATA else (0, 0)
        if status & TP_STATUS_VLAN_VALID and tag & 0xFFF == vlan:
            return frame
    return None


near, near_interface, far, far_interface, *vlan = sys.argv[1:]
ends, ways = [], {}
for namespace, interface, cable in (near, near_interface, "near0"), (far, far_interface, "far0"):
    enter(namespace)
    ends.append(device(interface, IFF_TAP if vlan else IFF_TUN))
    if vlan:
        number, frames = int(vlan[0]), trunk(cable)
        tag = b"\x81\x00" + number.to_bytes(2, "big")
        ways[ends[-1]] = lambda end=ends[-1], to=frames: to.send((packet := os.read(end, 65_536))[:12] + tag + packet[12:])
        ways[frames.fileno()] = lambda end=ends[-1], of=frames: (frame := untagged(of, number)) and os.write(end, frame)
if not vlan:
    ways = {one: lambda one=one, other=other: os.write(other, os.read(one, 65_536)) for one, other in (ends, ends[::-1])}
print("ready", flush=True)
while True:
    for descriptor in select.select(list(ways), [], [])[0]:
        try:
            ways[descriptor]()
        except OSError:
            pass  # an end that is not up yet
