import pytest

from voicegw.reply.voice.markdown import without_markdown


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("# Plan", "Plan"),
        ("- [ ] Milk", "Milk"),
        ("2. Bread", "2: Bread"),
        ("> **Be** _very_ *brief*, ~~please~~", "Be very brief, please"),
        ("snake_case and 2 * 3", "snake_case and 2 * 3"),
        ("See [the docs](https://x.org) and ![a cat](cat.png).", "See the docs and a cat."),
        ("the end](https://x.org) of a link", "the end of a link"),
        ("Use `x` and ``y``.", "Use x and y."),
        ("```python", ""),
        ("---", ""),
        ("| name | age |", "name, age"),
        ("|:---|---:|", ""),
        ("<b>bold</b> &amp; <br/>more", "bold & more"),
        ("a claim [1]", "a claim"),
        (r"5 \* 3", "5 * 3"),
        ("Hi 👋🏽 there ❤️ ☎", "Hi there"),
        ("two\nlines\tand\u200b tabs", "two lines and tabs"),
        ("né à Genève, नमस्ते", "né à Genève, नमस्ते"),
        ("**half of it", "half of it"),
    ],
)
def test_only_words_remain(written: str, words: str) -> None:
    assert without_markdown(written) == words
