# What an image freezes of the door, in the words of MicroPython's manifests. A stock board takes it as it is:
#     make -C ports/esp32 BOARD=ESP32_GENERIC_S3 FROZEN_MANIFEST=.../firmware/manifest.py
# gives a frozen development build; the release image includes it (docs/release-image.md).
options.defaults(entry="main.py", port=True)  # noqa: F821

if options.port:  # noqa: F821
    include("$(PORT_DIR)/boards/manifest.py")  # noqa: F821
else:
    include("$(MPY_DIR)/extmod/asyncio")  # noqa: F821
    require("neopixel")  # noqa: F821

package("protocol")  # noqa: F821
package("altgate")  # noqa: F821
module(options.entry)  # noqa: F821
