"""Lifts its limits, its priority, its scheduling."""

# ends: stopped

import os
import resource


def boot(here):
    args = here.args
    for what, attempt in {
        "memory": lambda: resource.setrlimit(resource.RLIMIT_AS, (-1, -1)),
        "processes": lambda: resource.setrlimit(resource.RLIMIT_NPROC, (-1, -1)),
        "files": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (100000, 100000)),
        "cpu": lambda: resource.setrlimit(resource.RLIMIT_CPU, (-1, -1)),
        "priority": lambda: os.setpriority(os.PRIO_PROCESS, 0, -20),
        "the platform's priority": lambda: os.setpriority(os.PRIO_PROCESS, args["parent"], 19),
        "real time": lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
        "the platform's cores": lambda: os.sched_setaffinity(args["parent"], {0}),
        "the platform's limits": lambda: resource.prlimit(args["parent"], resource.RLIMIT_CPU, (1, 1)),
    }.items():
        try:
            print("ESCAPED", what, attempt())
        except (OSError, ValueError, AttributeError) as error:
            print("refused", what, error)
