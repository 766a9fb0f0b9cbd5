"""voicegw: a real-time voice assistant server. The architecture guide is README.md beside this file."""

import os

__version__ = "0.1.0"

# Dependencies report to their makers unless they are told not to before they are imported. This is imported
# first in every process: server, workers, clients and benchmarks.
for _refusal in ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
    os.environ.setdefault(_refusal, "1")
