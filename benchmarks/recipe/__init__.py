"""What each ingredient of the tuned recipe is worth, alone and left out, by subject."""
