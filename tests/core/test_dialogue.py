from voicegw.core.dialogue import SYSTEM_PROMPT, Dialogue, DialogueOptions
from voicegw.core.events import Message

SYSTEM = Message("system", SYSTEM_PROMPT)


def user(text: str) -> Message:
    return Message("user", text)


def assistant(text: str) -> Message:
    return Message("assistant", text)


def test_the_prompt_is_the_system_message_and_what_was_said() -> None:
    dialogue = Dialogue(DialogueOptions())
    dialogue.add_user("hello")
    dialogue.add_assistant("good day", cut_off=False)
    dialogue.add_user("what time is it")
    assert dialogue.prompt() == (SYSTEM, user("hello"), assistant("good day"), user("what time is it"))


def test_a_reply_that_was_cut_off_says_so() -> None:
    dialogue = Dialogue(DialogueOptions(system_prompt=""))
    dialogue.add_assistant("it is half", cut_off=True)
    assert dialogue.prompt() == (assistant("it is half [cut off]"),)


def test_a_reply_nobody_got_is_no_history() -> None:
    dialogue = Dialogue(DialogueOptions(system_prompt=""))
    dialogue.add_assistant("", cut_off=True)
    assert dialogue.prompt() == ()


def test_the_oldest_turns_are_dropped_whole() -> None:
    dialogue = Dialogue(DialogueOptions(system_prompt="", history_characters=1000))
    for turn in range(3):
        dialogue.add_user(f"{turn}" * 300)
        dialogue.add_assistant(f"{turn}" * 300, cut_off=False)
    dialogue.add_user("next")
    assert dialogue.prompt() == (user("2" * 300), assistant("2" * 300), user("next"))


def test_the_newest_message_is_kept_however_long() -> None:
    dialogue = Dialogue(DialogueOptions(system_prompt="", history_characters=1000))
    dialogue.add_user("old")
    dialogue.add_assistant("answer", cut_off=False)
    dialogue.add_user("x" * 5000)
    assert dialogue.prompt() == (user("x" * 5000),)
