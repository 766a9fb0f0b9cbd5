from pathlib import Path

import pytest

from benchmarks.recordings.manifest import Entry, ManifestError, chosen, read_entries, read_lines
from tests.benchmarks.recordings.directory import TEXT, entry, write_directory


def test_a_line_is_a_recording_and_other_fields_are_ignored(tmp_path: Path) -> None:
    write_directory(
        tmp_path, entry(seconds=1.5, wer_ok=False), entry("noise.wav", kind="nonspeech", lang="xx")
    )
    spoken, noise = read_entries(tmp_path)
    assert spoken == Entry("command-1.wav", "command", "en", TEXT, wer_ok=False)
    assert (spoken.is_speech, noise.is_speech) == (True, False)


def test_texts_are_exact_by_default(tmp_path: Path) -> None:
    [found] = read_entries(write_directory(tmp_path, entry()))
    assert found.wer_ok


def test_several_manifests_are_concatenated(tmp_path: Path) -> None:
    write_directory(tmp_path, entry("a.wav"))
    write_directory(tmp_path, entry("b.wav"), manifest="more.jsonl")
    assert [one.file for one in read_entries(tmp_path, ["more.jsonl", "manifest.jsonl"])] == [
        "b.wav",
        "a.wav",
    ]


def test_an_invalid_line_has_its_position(tmp_path: Path) -> None:
    (tmp_path / "manifest.jsonl").write_text('\n{"file": 3}\nnonsense\n')
    number, nonsense = read_lines(tmp_path)
    assert (number.place, number.entry) == ("manifest.jsonl:2", None)
    assert "file" in number.problem
    assert nonsense.problem
    with pytest.raises(ManifestError, match=r"manifest\.jsonl:2"):
        read_entries(tmp_path)


def test_no_manifest_and_an_empty_one_are_stated(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be read"):
        read_entries(tmp_path)
    with pytest.raises(ManifestError, match="no recordings"):
        read_entries(write_directory(tmp_path))


def test_entries_are_chosen_by_kind_language_and_number() -> None:
    entries = [
        Entry(f"{n}", kind, lang) for n in (1, 2) for kind in ("read", "command") for lang in ("en", "de")
    ]
    assert chosen(entries, [], [], None) == entries
    assert {one.kind for one in chosen(entries, ["read"], [], None)} == {"read"}
    assert {one.lang for one in chosen(entries, [], ["de"], None)} == {"de"}
    assert [one.file for one in chosen(entries, [], [], 1)] == ["1"] * 4
    with pytest.raises(ManifestError, match="kinds and languages"):
        chosen(entries, ["digits"], [], None)
