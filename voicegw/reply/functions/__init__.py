"""How Python functions of the application run: their import, their threads, and the containment of their
failures. Nothing here knows what a function is for.
"""
