"""Answers SYNs to some targets a second time, after the kernel has: contradict.py INTERFACE SECONDS ADDRESS:PORT …

The second answer is a SYN-ACK from another distance (time to live 33). Prints a line when it is ready, and ends after SECONDS.
"""

import socket
import struct
import sys
import time

SYN, ACK = 0x02, 0x10
ETH_P_IP = 0x0800


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def answer(source, target, their_port, port, sequence):
    """A SYN-ACK from `target`, port `port`, as a packet with its IP header."""
    segment = struct.pack("!HHIIBBHHH", port, their_port, 1, sequence + 1 & 0xFFFFFFFF, 5 << 4, SYN | ACK, 1024, 0, 0)
    pseudo = target + source + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(segment))
    segment = segment[:16] + struct.pack("!H", checksum(pseudo + segment)) + segment[18:]
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 33, socket.IPPROTO_TCP, 0, target, source) + segment


interface, seconds, *words = sys.argv[1:]
targets = {(socket.inet_aton(address), int(port)) for address, port in (word.split(":") for word in words)}
deadline = time.monotonic() + float(seconds)
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP)) as packets, \
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as answers:
    packets.bind((interface, ETH_P_IP))
    packets.settimeout(0.1)
    print("ready", flush=True)
    while time.monotonic() < deadline:
        try:
            packet = packets.recv(2048)[14:]
        except TimeoutError:
            continue
        if len(packet) < 40 or packet[9] != socket.IPPROTO_TCP or packet[33] & (SYN | ACK) != SYN:
            continue
        source, target = packet[12:16], packet[16:20]
        their_port, port, sequence = struct.unpack("!HHI", packet[20:28])
        if (target, port) in targets:
            # After the kernel's own answer.
            time.sleep(0.005)
            answers.sendto(answer(source, target, their_port, port, sequence), (socket.inet_ntoa(source), 0))
