"""Back ends of moderation: an endpoint with OpenAI's `/moderations`, or a function of the application. Which
text is moderated, and when, is decided in core/moderation_queue.py.
"""
