"""What an operator asks the stack for."""
