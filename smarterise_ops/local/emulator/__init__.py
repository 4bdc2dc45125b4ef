"""The AWS emulator of the embedded stack, with corrections and additions."""
