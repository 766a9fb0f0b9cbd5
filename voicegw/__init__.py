"""voicegw: a real-time voice assistant server. The architecture guide is README.md beside this file."""

__version__ = "0.1.0"
