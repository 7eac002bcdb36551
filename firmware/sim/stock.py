"""Starts as a stock MicroPython image does on the board: mounts the partition `vfs` at /, runs boot.py and
main.py from it, and gives a prompt where these have ended.

After ports/esp32/main.c, modules/_boot.py and modules/inisetup.py of MicroPython 1.29. What stands for the
board's built-in modules is found under PC, and nothing else of this computer's files is.
"""

import gc
import os
import sys
import time

import esp32
import simctl
import uart
import vfs

PC = "/pc"


def mount():
    """The board's own files at /."""
    folder = simctl.__file__.rsplit("/", 1)[0]
    uart._always_ready()  # opens a file of this computer, while there is one
    vfs.umount("/")
    if folder != PC:
        vfs.mount(vfs.VfsPosix(folder), PC)
    sys.path[:] = ["", ".frozen", "/lib", PC]
    sys.argv[:] = []
    found = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="vfs")
    try:
        if found:
            vfs.mount(found[0], "/")
    except OSError:
        _set_up(found[0])
    gc.collect()


def _set_up(block):
    first = bytearray(4096)
    block.readblocks(0, first)
    if first != b"\xff" * len(first):
        while True:
            print("The filesystem appears to be corrupted.")
            time.sleep(3)
    print("Performing initial setup")
    vfs.VfsLfs2.mkfs(block)
    vfs.mount(block, "/")


def execute(name, names):
    """Run a file; whether it ended without an error, or is not there."""
    try:
        os.stat(name)
    except OSError:
        return True
    return _execute(_read, name, names)


def _read(name):
    with open(name) as file:
        return file.read()


def _execute(read, name, names):
    # The source is let go of before it runs, as the board does.
    try:
        exec(compile(read(name), name, "exec"), names)
    except SystemExit as error:
        if error.args and error.args[0] in (simctl.RESET, simctl.POWER_CUT):
            raise
        simctl.shut_down("soft")
    except BaseException as error:
        sys.print_exception(error)
        return False
    return True


def prompt():
    """What whoever has the cable gets: this interpreter's own prompt, once this script has ended."""
    os.putenv("MICROPYINSPECT", "1")


def run():
    """From power-on to the prompt."""
    mount()
    names = {"__name__": "__main__"}
    if execute("boot.py", names):
        execute("main.py", names)
    prompt()


run()
