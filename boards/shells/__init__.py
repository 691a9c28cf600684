"""What stands around a design on a board: one module a kind of host."""
