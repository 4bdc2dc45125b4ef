"""The embedded stack: the whole pipeline on 127.0.0.1."""
