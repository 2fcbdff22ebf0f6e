"""Hosts whose answers are a Python function: for networks that no kernel imitates.

`Responder(network, side, interface, behave)` takes each TCP segment that arrives at an interface and sends what `behave` makes of it:

    def behave(probe):
        if probe.attempt == 0:
            return [Answer(rst(probe)), Answer(syn_ack(probe), after=0.3)]

It answers from a process of its own, over IPv4, for any address. Times are seconds. The interface's kernel must stay silent itself: give it no
address of the targets. It bears some 10,000 probes a second.
"""

import collections
import contextlib
import ctypes
import heapq
import os
import select
import signal
import socket
import struct
import sys
import time

from harness import Daemon, leftovers
from networks import NetworkTest

FIN, SYN, RST, PSH, ACK, URG = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
MSS = b"\x02\x04\x05\xb4"
ETH_P_ALL, PACKET_OUTGOING, SO_RCVBUFFORCE = 0x0003, 4, 33

Answer = collections.namedtuple("Answer", "packet after", defaults=(0,))
# `attempt` counts the SYNs to a target from 0, whatever port they came from; `packet` is the IP packet as it came.
Probe = collections.namedtuple("Probe", "source target source_port port sequence flags attempt packet")


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def ipv4(source, target, protocol, payload, ttl=60, identification=0, fragment=0):
    """A packet with its header; `fragment` is the field of flags and offset."""
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), identification, fragment, ttl, protocol, 0, socket.inet_aton(source),
                         socket.inet_aton(target))
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def segment(probe, flags, sequence=7, acknowledged=None, options=MSS, data=b"", port=None, **header):
    """A TCP segment from the probed target back to the scanner."""
    acknowledged = probe.sequence + 1 if acknowledged is None else acknowledged
    body = struct.pack("!HHIIBBHHH", port or probe.port, probe.source_port, sequence & 0xFFFFFFFF, acknowledged & 0xFFFFFFFF,
                       5 + len(options) // 4 << 4, flags, 64240 if flags & SYN else 0, 0, 0) + options + data
    pseudo = socket.inet_aton(probe.target) + socket.inet_aton(probe.source) + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(body))
    body = body[:16] + struct.pack("!H", checksum(pseudo + body)) + body[18:]
    return ipv4(probe.target, probe.source, socket.IPPROTO_TCP, body, **header)


def syn_ack(probe, **options):
    return segment(probe, SYN | ACK, **options)


def rst(probe, flags=RST | ACK, sequence=0, **options):
    return segment(probe, flags, sequence, options=b"", **options)


def icmp(probe, kind, code, router="198.18.0.2", quoted=None):
    """An ICMP error of a router about the probe; `quoted` stands for what it quotes."""
    body = struct.pack("!BBHI", kind, code, 0, 0) + (probe.packet[:28] if quoted is None else quoted)
    return ipv4(router, probe.source, socket.IPPROTO_ICMP, body[:2] + struct.pack("!H", checksum(body)) + body[4:])


class Ration:
    """So many a second, and `burst` at once: `ration.take()` says whether one more may go. Linux gives ICMP errors Ration(1, 6)."""

    def __init__(self, rate, burst):
        self.rate, self.burst, self.left, self.last = rate, burst, burst, time.monotonic()

    def take(self):
        now = time.monotonic()
        self.left, self.last = min(self.burst, self.left + (now - self.last) * self.rate), now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Responder:
    """A process that answers at an interface of a namespace until the network is closed, or `stop`."""

    def __init__(self, network, side, interface, behave):
        ready, started = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            # Nothing of the parent's clean-up may run here.
            try:
                os.close(ready)
                self._answer(network.name(side), interface, behave, started)
            except BaseException as error:  # noqa: BLE001
                print(f"responder: {error!r}", file=sys.stderr, flush=True)
            os._exit(1)
        os.close(started)
        self._cleanup = leftovers.enter_context(contextlib.ExitStack())
        self._cleanup.callback(self._end)
        network.before_close(self.stop)
        with os.fdopen(ready, "rb") as pipe:
            if pipe.read(1) != b"r":
                raise AssertionError("the responder did not start")

    def stop(self):
        self._cleanup.close()

    def _end(self):
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    @staticmethod
    def _answer(namespace, interface, behave, started):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with open(f"/run/netns/{namespace}") as place:
            if ctypes.CDLL(None, use_errno=True).setns(place.fileno(), 0) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        wire.bind((interface, 0))
        wire.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
        wire.setblocking(False)
        os.write(started, b"r")
        os.close(started)
        waiting, number, attempts = [], 0, {}
        while True:
            now = time.monotonic()
            while waiting and waiting[0][0] <= now:
                with contextlib.suppress(OSError):
                    wire.send(heapq.heappop(waiting)[2])
            rest = min(0.2, max(0.0, waiting[0][0] - now)) if waiting else 0.2
            if not select.select([wire], [], [], rest)[0]:
                continue
            for _ in range(64):
                try:
                    frame, address = wire.recvfrom(65535)
                except BlockingIOError:
                    break
                except OSError:
                    # The cable is pulled.
                    time.sleep(0.01)
                    break
                head = 14 + (frame[14] & 15) * 4 if len(frame) > 34 else 0
                if address[2] == PACKET_OUTGOING or len(frame) < head + 20 or frame[12:14] != b"\x08\0" or frame[23] != socket.IPPROTO_TCP:
                    continue
                source_port, port, sequence = struct.unpack("!HHI", frame[head:head + 8])
                flags, target = frame[head + 13], socket.inet_ntoa(frame[30:34])
                if flags & (SYN | ACK | RST) == SYN:
                    attempts[target, port] = attempts.get((target, port), -1) + 1
                probe = Probe(socket.inet_ntoa(frame[26:30]), target, source_port, port, sequence, flags, attempts.get((target, port), 0),
                              frame[14:])
                for answer in behave(probe) or ():
                    number += 1
                    heapq.heappush(waiting, (time.monotonic() + answer.after, number, frame[6:12] + frame[:6] + b"\x08\0" + answer.packet))


class RespondedTest(NetworkTest):
    """Tests whose targets, all of 198.18.0.0/15 but the gateway 198.18.0.2, are `behave`; the scanner is 198.18.0.1 on near0."""

    allow = ["198.18.0.0/15"]

    def build(self, network):
        network.add("far")
        network.cable("near", "near0", "far", "far0")
        network.ip("near", "addr add 198.18.0.1/30 dev near0", "route add 198.18.0.0/15 via 198.18.0.2")
        network.ip("far", "addr add 198.18.0.2/30 dev far0")

    def respond(self, behave):
        return Responder(self.network, "far", "far0", behave)

    def start_daemon(self, **sections):
        self.daemon = Daemon(self.network, self.allow, **sections)
        self.addCleanup(self.daemon.close)
        return self.daemon.start()
