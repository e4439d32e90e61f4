"""Where a call's audio comes from: files, tones, silence, sound devices."""
