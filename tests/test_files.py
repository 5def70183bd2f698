"""Files and folders appear whole or not at all."""

import os

import pytest

from regattn_fairseq.files import new_file, new_folder, scratch_folder


def test_a_file_takes_its_name_at_the_end(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with new_file(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o644
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("make", [new_file, new_folder])
def test_what_fails_leaves_the_old_content_and_nothing_else(tmp_path, make):
    path = tmp_path / "place"
    path.mkdir()
    (path / "old").touch()
    with pytest.raises(KeyboardInterrupt), make(path):
        raise KeyboardInterrupt
    assert [*tmp_path.rglob("*")] == [path, path / "old"]


def test_a_folder_takes_the_place_of_the_old_one(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    (path / "old").touch()
    with new_folder(path) as folder:
        (folder / "new").touch()
        assert [*path.iterdir()] == [path / "old"]
    assert [*tmp_path.rglob("*")] == [path, path / "new"]
    assert path.stat().st_mode & 0o777 == 0o755


def test_a_scratch_folder_may_be_moved_away(tmp_path):
    with scratch_folder(tmp_path / "x") as folder:
        assert folder.parent == tmp_path
        folder.rename(tmp_path / "kept")
    with scratch_folder(tmp_path / "x"):
        pass
    assert [*tmp_path.iterdir()] == [tmp_path / "kept"]
