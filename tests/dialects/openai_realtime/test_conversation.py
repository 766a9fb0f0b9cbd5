from voicegw.dialects.openai_realtime.conversation import MAX_ITEMS, Conversation


def filled(*item_ids: str) -> Conversation:
    conversation = Conversation()
    for item_id in item_ids:
        conversation.add({"id": item_id})
    return conversation


def test_an_item_is_placed_after_another() -> None:
    conversation = filled("one", "two")
    assert conversation.add({"id": "three"}, "one") == "one"
    assert (conversation.before("two"), conversation.last) == ("three", "two")


def test_an_item_replaces_one_with_the_same_id() -> None:
    conversation = filled("one", "two")
    assert conversation.add({"id": "one", "text": "new"}) == "two"
    assert conversation.get("one") == {"id": "one", "text": "new"}
    conversation.delete("one")
    assert ("one" in conversation, conversation.last) == (False, "two")


def test_many_items_with_the_same_id_are_one() -> None:
    conversation = filled(*["one"] * (MAX_ITEMS + 2), "two")
    assert conversation.before("two") == "one"
    assert conversation.before("one") is None
