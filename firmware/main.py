"""What a board runs after boot.py."""

import gc

import micropython

# From the first moment on, Ctrl-C is a byte like any other: nobody gets a prompt from a door that starts.
micropython.kbd_intr(-1)
# While the firmware is loaded, garbage goes often: what stays then lies close together, and large pieces of
# memory stay whole for what wants them later. app.main() ends this.
gc.threshold(4096)

from altgate import app  # noqa: E402

app.run()
