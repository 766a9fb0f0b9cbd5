"""What the dialects of telephone calls have in common."""
