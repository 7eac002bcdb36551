"""Write a temporary file and rename it over the old one; argv: "make", "replace" or "read"."""

import gc
import sys

import esp32
import os
import vfs

part = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="vfs")[0]
step = sys.argv[1]
if step == "make":
    vfs.VfsLfs2.mkfs(part)
vfs.mount(part, "/fs")
if step == "read":
    with open("/fs/settings") as file:
        print(file.read())
else:
    with open("/fs/settings.new", "w") as file:
        file.write("old" * 100 if step == "make" else "new" * 100)
    os.rename("/fs/settings.new", "/fs/settings")
    gc.collect()
    print("done")
