"""From audio to words: voice activity, and speech engines in worker processes of this machine."""
