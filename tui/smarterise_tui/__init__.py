"""The Textual console. It composes and reacts; the SDK decides."""
