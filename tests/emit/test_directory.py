"""A build directory appears whole or not at all, and nothing else is ever replaced."""

import pytest

from compiler.emit.directory import file_hashes, write_whole
from compiler.errors import ToolFailed


def _fill(directory, text="{}"):
    (directory / "manifest.json").write_text(text)


def test_the_directory_is_there_once_it_is_complete(tmp_path):
    with write_whole(tmp_path / "a" / "out") as scratch:
        _fill(scratch)
        assert not (tmp_path / "a" / "out").exists()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["out"]


@pytest.mark.parametrize("interruption", [RuntimeError, KeyboardInterrupt])
def test_an_interruption_leaves_what_was_there(tmp_path, interruption):
    with write_whole(tmp_path / "out") as scratch:
        _fill(scratch, "old")
    with pytest.raises(interruption), write_whole(tmp_path / "out") as scratch:
        _fill(scratch, "new")
        raise interruption
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / "manifest.json").read_text() == "old"


def test_an_earlier_build_is_replaced(tmp_path):
    for text in ("old", "new"):
        with write_whole(tmp_path / "out") as scratch:
            _fill(scratch, text)
    assert (tmp_path / "out" / "manifest.json").read_text() == "new"
    assert len(list(tmp_path.iterdir())) == 1


def test_what_is_no_build_is_left_alone(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.txt").write_text("precious")
    with pytest.raises(ToolFailed, match="is in the way and is no build directory; choose another with -o"):
        with write_whole(tmp_path / "thesis"):
            pass
    assert (tmp_path / "thesis" / "chapter1.txt").read_text() == "precious"


def test_an_empty_directory_may_be_used(tmp_path):
    (tmp_path / "out").mkdir()
    with write_whole(tmp_path / "out") as scratch:
        _fill(scratch)
    assert (tmp_path / "out" / "manifest.json").is_file()


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolFailed, match="cannot be written"), write_whole(tmp_path / "file" / "out"):
        pass


def test_hashes_cover_what_a_verdict_rests_on(tmp_path):
    (tmp_path / "rtl" / "images").mkdir(parents=True)
    (tmp_path / "rtl" / "images" / "rom.hex").write_text("00\n")
    (tmp_path / "vectors.npz").write_bytes(b"x")
    (tmp_path / "report.html").write_text("not hashed")
    assert sorted(file_hashes(tmp_path)) == ["rtl/images/rom.hex", "vectors.npz"]
