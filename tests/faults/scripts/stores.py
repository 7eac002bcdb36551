"""All workloads, by number; each has a chip of its own in the folder of the run."""

import random

import fuzz
from stored_consents import RegisterWork, TemplatesWork
from stored_credentials import CredentialsWork
from stored_numbers import CountersWork, JournalWork, PassesWork

KINDS = (CountersWork, PassesWork, JournalWork, CredentialsWork, RegisterWork, TemplatesWork)
COUNT = len(KINDS)
for _kind in KINDS:
    for _name in _kind.OWN:
        if not hasattr(_kind, _name):
            raise ValueError("%s lacks %s" % (_kind.__name__, _name))
LONG_S = 10
HISTORIES = 2  # a slice: the seed moves on
_made = {}


def drawn():
    """The number of a workload, and of its history; with a fault planted, one that has to do with it."""
    planted = [module for module, _, _ in fuzz.settings["plants"]]
    numbers = [n for n, kind in enumerate(KINDS) if not planted or planted[0] in kind.modules]
    histories = 32 if planted else HISTORIES
    number, history = random.choice(numbers), (fuzz.settings["seed"] + random.randrange(histories)) & 255
    of(number).remember(history)
    return number, history


def make():
    """Have all histories at hand, so that from here on memory grows only where something is wrong."""
    # A short slice, and one with a fault planted, makes what it needs.
    if fuzz.settings["seconds"] < LONG_S or fuzz.settings["plants"] or fuzz.settings["replay"]:
        return
    for number in range(COUNT):
        for more in range(HISTORIES):
            of(number).remember((fuzz.settings["seed"] + more) & 255)


def of(number):
    """The workload of this number, round and round."""
    number %= COUNT
    if number not in _made:
        kind = KINDS[number]
        _made[number] = kind("%s/%s" % (fuzz.settings["folder"], kind.__name__))
    return _made[number]
