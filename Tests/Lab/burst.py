"""Sends plain SYNs at a steady rate, without any of synscan's code: burst.py RATE COUNT PORT ADDRESS[-ADDRESS]

For trying the lab itself. Probes go round the addresses; each has a source port and a sequence number of its own as far as they reach.
"""

import ipaddress
import socket
import struct
import sys
import time


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def syn(source, target, port, number):
    fields = [61000 + number % 4000, port, number, 0, 0x6002, 1024, 0, 0, 0x0204, 1460]
    pseudo_header = source + target + struct.pack("!HH", socket.IPPROTO_TCP, 24)
    fields[6] = checksum(pseudo_header + struct.pack("!HHIIHHHHHH", *fields))
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 44, 0, 0x4000, 64, socket.IPPROTO_TCP, 0, source, target)
    return header + struct.pack("!HHIIHHHHHH", *fields)


rate, count, port = map(int, sys.argv[1:4])
first, _, last = sys.argv[4].partition("-")
targets = [ipaddress.IPv4Address(i).packed for i in range(int(ipaddress.IPv4Address(first)), int(ipaddress.IPv4Address(last or first)) + 1)]
source = ipaddress.IPv4Address("198.18.0.1").packed
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
packets = [(syn(source, targets[i % len(targets)], port, i), (socket.inet_ntoa(targets[i % len(targets)]), 0)) for i in range(count)]
started = time.monotonic()
for i, (packet, target) in enumerate(packets):
    while (ahead := started + i / rate - time.monotonic()) > 0:
        time.sleep(min(ahead, 0.001))
    raw.sendto(packet, target)
