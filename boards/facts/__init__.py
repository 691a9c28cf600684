"""One file a board. To add one, write a module here that defines `BOARD`; nothing else needs to know."""
