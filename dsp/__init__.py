"""The core: codecs, concealment, levels and metrics. Signals in, signals out; no file, clock, thread or network."""
