from voicegw.core.reply_parameters import NO_PARAMETERS, ClientTool, ReplyParameters


def test_declarations_are_all_that_the_model_reads_of_the_tools() -> None:
    tools = (ClientTool("a", "Adds.", '{"x":1}'), ClientTool("b", "Breaks.", "{}"))
    assert ReplyParameters(tools).declarations == 'a\nAdds.\n{"x":1}\nb\nBreaks.\n{}'
    assert NO_PARAMETERS.declarations == ""
