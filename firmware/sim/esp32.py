"""The simulated board's `esp32` module: partitions of the NOR flash."""

import norflash
import simctl

_chip = norflash.chip()
_boot = None
_encrypted = None


class Partition:
    """A range of the flash, as the table in the settings gives it: [label, type, subtype, offset, size]."""

    BOOT = 0
    RUNNING = 1
    TYPE_APP = 0
    TYPE_DATA = 1

    def __init__(self, id, block_size=4096):
        if block_size != norflash.SECTOR:
            raise ValueError("block size")
        self._entry = _find(id)
        self._base, self._size = self._entry[3], self._entry[4]
        self._is_encrypted = self._entry[0] in simctl.config.get("encrypted", ())
        self._chip = _through_encryption() if self._is_encrypted else _chip

    @staticmethod
    def find(type=TYPE_APP, subtype=255, label=None):
        """The partitions of that type; 255 stands for any subtype."""
        return [
            Partition(entry[0])
            for entry in simctl.config.get("partitions", ())
            if entry[1] == type and subtype in (255, entry[2]) and label in (None, entry[0])
        ]

    def info(self):
        """(type, subtype, address, size, label, encrypted)."""
        label, type, subtype, offset, size = self._entry
        return (type, subtype, offset, size, label, self._is_encrypted)

    def readblocks(self, block_num, buf, offset=0):
        """Read from `offset` in block `block_num`."""
        start = block_num * norflash.SECTOR + offset
        self._check(start, len(buf))
        self._chip.read(self._base + start, buf)

    def writeblocks(self, block_num, buf, offset=None):
        """Program `buf`; without an offset, erase the blocks that it covers first."""
        start = block_num * norflash.SECTOR
        if offset is not None:
            start += offset
        self._check(start, len(buf))
        if offset is None:
            for at in range(start, start + len(buf), norflash.SECTOR):
                self._chip.erase(self._base + at)
        self._chip.program(self._base + start, buf)

    def ioctl(self, op, arg=0):
        """Block-device control: 4 = blocks, 5 = block size, 6 = erase block `arg`; 1 to 3 do nothing."""
        if op == 4:
            return self._size // norflash.SECTOR
        if op == 5:
            return norflash.SECTOR
        if op == 6:
            self._check(arg * norflash.SECTOR, norflash.SECTOR)
            self._chip.erase(self._base + arg * norflash.SECTOR)
            return 0
        return 0 if op in (1, 2, 3) else None

    def get_next_update(self):
        """The application partition after this one, round the table."""
        apps = Partition.find(Partition.TYPE_APP)
        labels = [app.info()[4] for app in apps]
        if self._entry[0] not in labels:
            raise OSError(2)
        return apps[(labels.index(self._entry[0]) + 1) % len(apps)]

    def set_boot(self):
        """Start from this partition next; the rig is told, because it starts the board."""
        global _boot
        _boot = self._entry[0]
        simctl.send({"boot": _boot})

    @classmethod
    def mark_app_valid_cancel_rollback(cls):
        """Keep the running image; the rig is told."""
        simctl.send({"boot_valid": True})

    def _check(self, start, count):
        # A chip that does not answer, or a table that says something else than the flash.
        if self._entry[0] in simctl.config.get("dead", ()):
            raise OSError(5)
        # A driver's slip must not reach the next partition.
        if start < 0 or start + count > self._size:
            raise OSError(22)


def _through_encryption():
    global _encrypted
    if _encrypted is None:
        # Loaded only for a board that encrypts: the door's memory is measured with this module in it.
        from flashcrypt import Encrypted

        _encrypted = Encrypted(_chip)
    return _encrypted


def _find(id):
    table = simctl.config.get("partitions", ())
    if id == Partition.BOOT or id == Partition.RUNNING:
        running = simctl.config.get("running")
        id = (_boot or running) if id == Partition.BOOT else running
        table = [entry for entry in table if entry[1] == Partition.TYPE_APP and id in (None, entry[0])]
        if table:
            return table[0]
    for entry in table:
        if entry[0] == id:
            return entry
    raise OSError(2)
