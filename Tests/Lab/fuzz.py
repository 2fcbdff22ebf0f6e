"""Random requests for a control socket: fuzz.py SOCKET SEED CASES

Nine cases in ten are framed as HTTP should be, so that every one reaches the router and the decoders, many to a connection; their methods,
paths, headers and bodies are random or a proper request with random changes. The tenth is a connection of raw bytes: noise, or such a request
torn at any place. Prints how many cases it sent and how many answers came.
"""

import random
import socket
import sys

BATCH = 250
PATHS = [b"/v1/jobs", b"/v1/plans", b"/v1/status", b"/v1/openapi.json", b"/v1/jobs/", b"/v1/jobs/1000000/findings", b"/v1/jobs/-1/events",
         b"/v1/jobs/18446744073709551616/cancel", b"/v1/jobs/%2e%2e/findings", b"/v1/jobs/a.b", b"/", b"/v1/jobs/1000000?limit=-1&seq=x"]
METHODS = [b"GET", b"POST", b"POST", b"POST", b"PUT", b"DELETE", b"HEAD", b"OPTIONS"]
# Nothing here is in the lab's scope: a request that is right all the same must not fill the queue.
BODIES = [
    b'{"targets":["203.0.113.0/24"],"ports":"1-1024","rate":1000,"retries":2,"tcp_options":"mss","states":["open"]}',
    b'{"targets":["203.0.113.1-203.0.113.9","203.0.113.5:80"],"exclude":["203.0.113.4"],"top_ports":100,"name":"a-name"}',
    b'{"targets":["203.0.113.1-20"],"ports":"well-known,!25,80-90","exclude_ports":"22","rate":1}',
    b'{"targets":["2001:2::/64"],"ports":"-"}',
]
NUMBERS = [b"-1", b"0", b"1e308", b"9223372036854775807", b"-9223372036854775808", b"18446744073709551616", b"0.5", b"null", b"[]", b'""',
           b"65536", b"4294967296", b'"255.255.255.255/0"', b'["0.0.0.0-255.255.255.255"]', b"true", b"{}"]


def changed(dice, data):
    """The data with a few random changes."""
    data = bytearray(data)
    for _ in range(dice.randrange(4)):
        place, kind = dice.randrange(len(data) + 1), dice.randrange(5)
        if kind == 0:
            data[place:place + 1] = dice.randbytes(1)
        elif kind == 1:
            del data[place:place + dice.randrange(1, 9)]
        elif kind == 2:
            data[place:place] = dice.randbytes(dice.randrange(1, 5))
        elif kind == 3:
            data[place:place] = data[place:place + dice.randrange(1, 30)]
        else:
            start = data.find(b":", place) + 1
            end = data.find(b",", start)
            if start and end > 0:
                data[start:end] = dice.choice(NUMBERS)
    return bytes(data)


def body(dice):
    return dice.randbytes(dice.randrange(64)) if dice.random() < 0.1 else changed(dice, dice.choice(BODIES))


def path(dice):
    """A path with random changes that leave a request line one."""
    text = changed(dice, dice.choice(PATHS)) if dice.random() < 0.5 else dice.choice(PATHS)
    return b"/" + bytes(byte for byte in text if 0x21 <= byte < 0x7F)


def framed(dice, last):
    method, content = dice.choice(METHODS), body(dice)
    head = b"%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % (method, path(dice), len(content))
    return head + (b"Connection: close\r\n\r\n" if last else b"\r\n") + content


def torn(dice):
    if dice.random() < 0.3:
        return dice.randbytes(dice.randrange(1, 200))
    data = changed(dice, framed(dice, True))
    return data[:dice.randrange(len(data) + 1)]


def converse(address, data):
    """Sends the data over a connection of its own, reads to its end and gives what was read."""
    answer = []
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(address)
        try:
            connection.sendall(data)
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
        answers += converse(address, b"".join(batch)).count(b"HTTP/1.1 ")
        expected += len(batch)
        for _ in range(BATCH // 9):
            converse(address, torn(dice))
        sent += BATCH + BATCH // 9
    print(sent, expected, answers)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
