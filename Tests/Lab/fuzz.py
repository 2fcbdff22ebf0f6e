"""Random requests for a control socket: fuzz.py SOCKET SEED CASES

Nine cases in ten are framed as HTTP should be, so that every one reaches the router and the decoders, many to a connection; their methods,
paths, headers and bodies are random or a proper request with random changes. The tenth is a connection of raw bytes: noise, or such a request
torn at any place. Prints how many cases it sent and how many answers came.
"""

import json
import random
import re
import socket
import sys

BATCH = 250
PATHS = [b"/v1/jobs", b"/v1/plans", b"/v1/status", b"/v1/openapi.json", b"/v1/jobs/", b"/v1/jobs/1000000/findings", b"/v1/jobs/-1/events",
         b"/v1/jobs/18446744073709551616/cancel", b"/v1/jobs/%2e%2e/findings", b"/v1/jobs/a.b", b"/", b"/v1/jobs/1000000?limit=-1&seq=x"]
METHODS = [b"GET", b"GET", b"POST", b"PUT", b"DELETE", b"HEAD", b"OPTIONS"]
SUBMISSIONS = [b"POST /v1/jobs", b"POST /v1/plans"]
# Nothing here is in the lab's scope: a request that is right all the same must not fill the queue.
BODY = b'{"targets":["203.0.113.0/24","203.0.113.5:80"],"ports":"1-1024","rate":1000,"retries":2,"tcp_options":"mss","states":["open"]}'
TARGETS = ["203.0.113.0/24", "203.0.113.1-203.0.113.9", "203.0.113.1-20", "203.0.113.5:80", "203.0.113.9,203.0.113.10", "2001:2::/64",
           "[2001:2::1]:80", "255.255.255.255/0", "0.0.0.0-255.255.255.255"]
PORTS = ["80,443", "1-1024", "-", "-1024", "60000-", "well-known,!25", "http,ssh", "registered", "dynamic,!50000-", "0", "65535-1", ""]
NUMBERS = [-1, 0, 1, 0.5, 1e308, 65536, 4294967296, 9223372036854775807, -9223372036854775808, 18446744073709551616]
ODDITIES = [None, True, [], {}, "", [[]], {"a": {}}, ["\u0000"], "\ud7ff\U0010ffff"]


def changed(dice, data):
    """The data with a few random changes."""
    data = bytearray(data)
    for _ in range(dice.randrange(4)):
        place, kind = dice.randrange(len(data) + 1), dice.randrange(4)
        if kind == 0:
            data[place:place + 1] = dice.randbytes(1)
        elif kind == 1:
            del data[place:place + dice.randrange(1, 9)]
        elif kind == 2:
            data[place:place] = dice.randbytes(dice.randrange(1, 5))
        else:
            data[place:place] = data[place:place + dice.randrange(1, 30)]
    return bytes(data)


def text(dice, words):
    return changed(dice, dice.choice(words).encode()).decode("latin-1")


def request(dice):
    """A request that is JSON, of random and of odd values."""
    values = {
        "targets": lambda: [text(dice, TARGETS) for _ in range(dice.randrange(4))],
        "exclude": lambda: [text(dice, TARGETS)],
        "ports": lambda: text(dice, PORTS),
        "exclude_ports": lambda: text(dice, PORTS),
        "name": lambda: text(dice, ["a-name", "x" * 64, "1"]),
        "states": lambda: [text(dice, ["open", "closed", "filtered"])],
        "tcp_options": lambda: text(dice, ["mss", "linux"]),
        "recall": lambda: dice.choice([*NUMBERS, "none", "0.9"]), "max_rate": lambda: dice.choice(NUMBERS),
        "rate": lambda: dice.choice(NUMBERS), "retries": lambda: dice.choice(NUMBERS), "top_ports": lambda: dice.choice(NUMBERS),
    }
    keys = ["targets", *dice.sample(sorted(values), dice.randrange(4))]
    return json.dumps({key: values[key]() if dice.random() < 0.95 else dice.choice(ODDITIES) for key in keys}).encode()


def body(dice):
    kind = dice.random()
    if kind < 0.1:
        return dice.randbytes(dice.randrange(64))
    return changed(dice, BODY) if kind < 0.3 else request(dice)


def path(dice):
    """A path with random changes that leave a request line one."""
    text = changed(dice, dice.choice(PATHS)) if dice.random() < 0.5 else dice.choice(PATHS)
    return b"/" + bytes(byte for byte in text if 0x21 <= byte < 0x7F).removeprefix(b"/")


def spared(data):
    """Without steering a job that may exist: a scan that is watched meanwhile must not be deleted by chance."""
    return re.sub(rb"^(DELETE|POST|PATCH)( /v1/jobs/[0-9]{1,6}(?![0-9]))", rb"GET\2", data)


def framed(dice, last):
    content = body(dice)
    line = dice.choice(SUBMISSIONS) if dice.random() < 0.6 else b"%s %s" % (dice.choice(METHODS), path(dice))
    head = b"%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % (line, len(content))
    return spared(head) + (b"Connection: close\r\n\r\n" if last else b"\r\n") + content


def torn(dice):
    if dice.random() < 0.3:
        return dice.randbytes(dice.randrange(1, 200))
    data = spared(changed(dice, framed(dice, True)))
    return data[:dice.randrange(len(data) + 1)]


def converse(address, data, half_close):
    """Sends the data over a connection of its own, reads to its end and gives what was read."""
    answer = []
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(address)
        try:
            connection.sendall(data)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(1 << 18):
                answer.append(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
    return b"".join(answer)


def main(address, seed, cases):
    dice, sent, answers, expected = random.Random(seed), 0, 0, 0
    while sent < cases:
        batch = [framed(dice, i == BATCH - 1) for i in range(BATCH)]
        answers += converse(address, b"".join(batch), False).count(b"HTTP/1.1 ")
        expected += len(batch)
        for _ in range(BATCH // 9):
            converse(address, torn(dice), True)
        sent += BATCH + BATCH // 9
    print(sent, expected, answers)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
