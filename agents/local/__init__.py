"""The embedded engine: hears, understands and speaks on this machine, without a network."""

import os

# onnxruntime 1.31 makes ~/.cache/Microsoft and looks up a host of its maker's as soon as it is
# imported, unless this is set before. Every module here that imports it is imported after this.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
