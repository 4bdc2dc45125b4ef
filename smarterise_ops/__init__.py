"""The `smarterise-ops` command line and the embedded stack. The SDK is `smarterise_sdk`."""

__version__ = "0.1.0"
