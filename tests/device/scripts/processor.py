"""Time of this process alone: what it waited while another one ran on its processor is left out."""

import time


def waited_ms():
    """How long this process was ready and another one ran (proc_pid_schedstat, second number)."""
    with open("/proc/self/schedstat") as file:
        return int(file.read().split()[1]) // 1000000


def own_ms():
    """Milliseconds that go on while this process runs or sleeps."""
    return time.ticks_add(time.ticks_ms(), -waited_ms())
