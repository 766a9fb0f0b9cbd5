"""From audio to words: voice activity, and Whisper in worker processes of this machine."""
