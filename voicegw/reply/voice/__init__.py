"""Text to speech: a sentence in spoken form (numbers, units, dates, Markdown), the engines that make audio,
and the limits of time and length that hold for every engine.
"""
