# What the release image freezes: the door, and nothing by which anybody could get a prompt or run a file.
# No webrepl, mip, umqtt, upysh and inisetup of the port's own list; no file system is mounted at "/".
include("door/manifest.py", entry="entry.py", port=False)  # noqa: F821
module("_boot.py")  # noqa: F821
