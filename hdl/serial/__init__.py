"""A host on a serial line: characters, frames with a checksum, and reads and writes of a bus."""
