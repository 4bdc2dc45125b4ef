"""What two functions need."""
