"""Says that the interpreter is there, and runs the firmware: what comes before is not its doing."""

print("first line")

import main  # noqa: F401
