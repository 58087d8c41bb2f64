"""Connects to Unix sockets of the machine: by path and by abstract name."""

# ends: stopped

import socket


def boot(here):
    for address in (
        here.args["socket"],
        "\0" + here.args["abstract"],
        "/run/docker.sock",
        "/run/dbus/system_bus_socket",
    ):
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(address)
                print("ESCAPED", address)
        except OSError as error:
            print("refused", error)
