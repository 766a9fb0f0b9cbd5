from voicegw.core.commands import Configure, ReplyMode
from voicegw.core.profile import SessionProfile, given


def test_a_command_gives_the_settings_that_are_not_none() -> None:
    assert given(Configure(reply=ReplyMode.NONE, key_terms=())) == {"reply": ReplyMode.NONE, "key_terms": ()}


def test_a_command_changes_what_it_gives_and_nothing_else() -> None:
    profile = SessionProfile(8_000, language="de", key_terms=("Quilter",))
    configured = profile.configured(Configure(language="", end_silence_ms=300))
    assert configured == SessionProfile(8_000, language="", key_terms=("Quilter",), end_silence_ms=300)


def test_an_empty_list_of_key_terms_removes_them() -> None:
    assert SessionProfile(key_terms=("Quilter",)).configured(Configure(key_terms=())).key_terms == ()
