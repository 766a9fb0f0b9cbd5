"""The tools that the model may call: their declarations, the calls themselves, the rounds of calls within one
reply, and the background tool calls of this process.
"""
