"""Design → build directory: Verilog, memory images, manifest."""

from compiler.emit.directory import write_whole
from compiler.emit.manifest import check_hashes, contract_of, sha256_of, write_manifest
from compiler.emit.verilog import emit_verilog
from compiler.emit.weights import write_images, write_weights

__all__ = [
    "check_hashes", "contract_of", "emit_verilog", "sha256_of", "write_images", "write_manifest",
    "write_weights", "write_whole",
]  # fmt: skip
