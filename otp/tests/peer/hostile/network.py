"""Connects to the platform on loopback, and elsewhere; listens."""

# ends: stopped

import socket


def boot(here):
    args = here.args
    for what, attempt in {
        "tcp": lambda: socket.create_connection(("127.0.0.1", args["port"]), 1),
        "tcp 6": lambda: socket.create_connection(("::1", args["port"]), 1),
        "listen": lambda: socket.create_server(("127.0.0.1", 0)),
        "udp": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", args["port"])),
        "outside": lambda: socket.create_connection(("10.255.255.1", 80), 1),
        "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
        "packet": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
        "vsock": lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM),
        "alg": lambda: socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET),
    }.items():
        try:
            print("ESCAPED", what, attempt())
        except (OSError, ValueError, AttributeError) as error:
            print("refused", what, error)
