"""Everything that runs on the door."""

VERSION = "0.1.0"
# What a stock MicroPython image cannot do (encrypt its flash, close its boot console) a build must not claim.
BUILD = "development"
