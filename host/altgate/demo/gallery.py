"""The faces that somebody can hold before the demo's camera: photos once they are there, else stand-ins.

Photos are fetched by a process of its own, ``python -m altgate.demo.gallery CACHE``, which tells of its
progress as lines of JSON and ends with the demo.
"""

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from altgate.demo import faces
from altgate.demo.faces import cast, made_up

Message = dict[str, Any]
FACES = (("bo", cast.BO), ("mia", cast.MIA))
SHOTS = ("1", "2", "3", "4", "5")


class Gallery:
    """``tell(message)`` gets ``{"type": "gallery", ...}`` at each change, from a thread."""

    def __init__(self, cache: Path, tell: Callable[[Message], None]) -> None:
        self._cache, self._tell = cache, tell
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._vectors: dict[str, bytes] = {}
        self._items: list[Message] = []
        self._note: Message = {}
        self._stand_in()

    def start(self) -> None:
        """Show the photos where they are; have them fetched otherwise."""
        if faces.is_ready(self._cache):
            self._hang()
            return
        self._process = subprocess.Popen(
            [sys.executable, "-m", "altgate.demo.gallery", str(self._cache)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True,
            start_new_session=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, name="gallery", daemon=True)
        self._reader.start()

    def stop(self) -> None:
        """End a fetch that is under way, with all that it started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if self._reader is not None:
            self._reader.join()

    def whole(self) -> Message:
        """What a page shows: the faces with pictures as data URLs, and how the fetching goes."""
        return {"type": "gallery", "faces": self._items, "note": self._note}

    def vector(self, name: str) -> bytes | None:
        """The vector of a face, by its name in ``whole``."""
        return self._vectors.get(name)

    def _read(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._note = json.loads(line)
                self._tell(self.whole())
        if faces.is_ready(self._cache):
            self._hang()
            self._tell(self.whole())

    def _stand_in(self) -> None:
        for seed, (name, _part) in enumerate(FACES, 1):
            face = made_up.Face(seed)
            for shot in SHOTS:
                self._vectors[name + shot] = face.shot()
                self._items.append({"name": name + shot, "of": name, "shot": shot, "picture": None})

    def _hang(self) -> None:
        photos = faces.Photos(self._cache)
        items, vectors = [], {}
        for name, part in FACES:
            for shot, number in zip(SHOTS, (*part.enrolment, *part.later), strict=True):
                picture = base64.b64encode(photos.png(part.person, number)).decode()
                vectors[name + shot] = photos.vector(part.person, number) or bytes(faces.LENGTH)
                items.append(
                    {
                        "name": name + shot,
                        "of": name,
                        "shot": shot,
                        "picture": f"data:image/png;base64,{picture}",
                    }
                )
        self._vectors, self._items, self._note = vectors, items, {}


def main(cache: Path) -> None:
    """Fetch, and print how it goes."""

    def told(text: str, part: float) -> None:
        print(json.dumps({"text": text, "part": round(part, 3)}), flush=True)

    try:
        faces.fetch(cache, told)
    except faces.FacesUnavailable as error:
        print(json.dumps({"failed": str(error)}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
