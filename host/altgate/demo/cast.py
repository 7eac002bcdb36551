"""The faces of a tour: photos of real people where they can be had, made-up vectors otherwise."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from altgate.demo import faces
from altgate.demo.faces import cast, made_up


class Cast(NamedTuple):
    """Vectors: of one person for an enrolment and for later, and of somebody else. ``origin`` says whose."""

    enrolment: tuple[bytes, ...]
    later: tuple[bytes, ...]
    other: bytes
    origin: str


def from_photos(cache: Path, told: Callable[[str, float], None]) -> Cast:
    """Fetch what is missing, and take two people's photos; raises faces.FacesUnavailable."""
    faces.fetch(cache, told)
    photos = faces.Photos(cache)
    someone, other = cast.BO, cast.MIA

    def vector(person: int, shot: int) -> bytes:
        found = photos.vector(person, shot)
        if found is None:
            raise faces.FacesUnavailable(f"No face was found in photo {shot} of person {person}.")
        return found

    return Cast(
        tuple(vector(someone.person, shot) for shot in someone.enrolment),
        tuple(vector(someone.person, shot) for shot in someone.later),
        vector(other.person, other.later[0]),
        "vectors of photos of two people",
    )


def made_of_numbers() -> Cast:
    """Vectors that nobody's face gave."""
    someone, other = made_up.Face(1), made_up.Face(2)
    return Cast(tuple(someone.shots(3)), tuple(someone.shots(2)), other.shot(), "made-up vectors")
