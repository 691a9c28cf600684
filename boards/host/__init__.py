"""What runs on the machine beside a board, or on the board itself: NumPy in, NumPy out."""
