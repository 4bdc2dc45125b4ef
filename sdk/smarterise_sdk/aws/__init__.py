"""The only part of the SDK that touches boto3."""
