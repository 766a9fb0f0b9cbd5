"""Pure codecs between a wire dialect and the core's commands and events."""
