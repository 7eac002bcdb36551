"""A door's certificate and link keys on a simulated flash, as the host renews them.

Argument: path of a flash file to make. The first line on stdin is an identity's map as hexadecimal. Then a
command a line, and a line of answer to each:
hello | welcome NONCE | take SEALED | refused | lost | restart: the generation, the certificate that is to be
used, how many there are, what else there is to say.
cuts SEALED: plays taking and confirming it with the power cut at every operation; how many cuts there were.
"""

import asyncio
import binascii
import os
import sys

import vfs
from altgate.link.keys import LinkKeys
from altgate.store import files, identity
from altgate.store.draft import Refused
from vault_flash import blank, every_cut

PAGE, DATA = (0, 1), (1, 24)


def mount():
    block = flash.partition(*DATA)
    try:
        made = vfs.VfsLfs2(block, readsize=256, progsize=32, lookahead=32, mtime=False)
    except OSError:
        vfs.VfsLfs2.mkfs(block)
        made = vfs.VfsLfs2(block, readsize=256, progsize=32, lookahead=32, mtime=False)
    vfs.mount(made, files.ROOT)


def start():
    """The supply comes back."""
    if files.ROOT[1:] in os.listdir("/"):
        vfs.umount(files.ROOT)
    flash.off()
    mount()
    page = flash.partition(*PAGE)
    return LinkKeys(identity.load(page), page)


def play(sealed):
    async def both():
        keys = start()
        await keys.take(sealed)
        keys.lost()
        await keys.confirmed()

    asyncio.run(both())


def cuts(sealed):
    """After each cut the door has the old one, or both, and taken again it ends with the new one alone."""
    first = start()
    old = (first.generation, first.pair())
    seen = set()

    def check(at, how):
        keys = start()
        seen.add((keys.generation - old[0], len(keys._held)))
        assert old in keys._held or keys.generation == old[0] + 1, (at, how)
        keys.refused()
        assert len(keys._held) == 1 or (keys.generation, keys.pair()) == old, (at, how)
        keys.lost()
        if keys.generation == old[0]:
            assert asyncio.run(keys.take(sealed))
            keys.lost()
        asyncio.run(keys.confirmed())
        for one in (keys, start()):
            assert one.generation == old[0] + 1 and len(one._held) == 1, (at, how)

    count = every_cut(flash, lambda: play(sealed), check)
    assert seen == {(0, 1), (1, 2), (1, 1)}, seen
    return count


flash = blank(sys.argv[1], 25)
mount()
identity.save(flash.partition(*PAGE), binascii.unhexlify(sys.stdin.readline().strip()))
keys = start()
for line in sys.stdin:
    words, said = line.split(), ""
    if words[0] == "cuts":
        print(">", cuts(binascii.unhexlify(words[1])))
        continue
    if words[0] == "take":
        try:
            said = asyncio.run(keys.take(binascii.unhexlify(words[1])))
        except Refused as error:
            said = error.reason
    elif words[0] == "confirmed":
        asyncio.run(keys.confirmed())
    elif words[0] == "refused":
        keys.refused()
    elif words[0] == "lost":
        keys.lost()
    elif words[0] == "restart":
        keys = start()
    certificate, _ = keys.pair()
    sys.stdout.write(
        "> %d %s %d %s %s %s\n" % (
            keys.generation, binascii.hexlify(certificate).decode(), len(keys._held),
            binascii.hexlify(keys.up_key).decode(), binascii.hexlify(keys.down_key).decode(), said,
        )
    )  # fmt: skip
