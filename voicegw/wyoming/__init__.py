"""A server for Home Assistant's Wyoming protocol, in front of a gateway: satellites and pipelines get the
transcripts of the gateway, and the audio of the configured voice.
"""
