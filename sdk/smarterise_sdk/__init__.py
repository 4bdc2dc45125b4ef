"""The reusable SDK for a Smarterise stack: start at `smarterise_sdk.stack.Stack`.

Importing this package loads nothing else, so that a command can start before it needs AWS.
"""
