"""When moderation is on, and that its key stays secret."""

from voicegw.reply.moderators.moderation_options import ModerationOptions


def test_a_model_or_a_function_turns_moderation_on() -> None:
    assert not ModerationOptions(url="http://x", api_key="k3y").configured
    assert ModerationOptions(model="m").configured
    assert ModerationOptions(entry_point="a:b").configured


def test_the_key_is_not_in_the_representation() -> None:
    assert "k3y" not in repr(ModerationOptions(api_key="k3y"))
