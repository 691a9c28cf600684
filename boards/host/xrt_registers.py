"""Registers of a kernel that XRT holds: `pyxrt` has no way to them, the library behind it does."""

import ctypes

__all__ = ["KernelRegisters"]

LIBRARY = "libxrt_coreutil.so.2"
UUID_BYTES = 16
HANDLE, WORD = ctypes.c_void_p, ctypes.c_uint32


class KernelRegisters:
    """The registers of a kernel of the `.xclbin` that a card has loaded, for as long as a `with` lasts.

    XRT opens them to nobody else meanwhile, and to nobody while anyone, this program too, has the kernel.

    Parameters
    ----------
    device : int
        Number of the card.
    kernel : str
    """

    def __init__(self, device: int, kernel: str) -> None:
        self._number, self._name = device, kernel
        self._library = ctypes.CDLL(LIBRARY)
        for name, result, arguments in (
            ("xrtDeviceOpen", HANDLE, [ctypes.c_uint]),
            ("xrtDeviceClose", ctypes.c_int, [HANDLE]),
            ("xrtDeviceGetXclbinUUID", ctypes.c_int, [HANDLE, ctypes.c_char_p]),
            ("xrtPLKernelOpenExclusive", HANDLE, [HANDLE, ctypes.c_char_p, ctypes.c_char_p]),
            ("xrtKernelClose", ctypes.c_int, [HANDLE]),
            ("xrtKernelReadRegister", ctypes.c_int, [HANDLE, WORD, ctypes.POINTER(WORD)]),
            ("xrtKernelWriteRegister", ctypes.c_int, [HANDLE, WORD, WORD]),
        ):
            function = getattr(self._library, name)
            function.restype, function.argtypes = result, arguments

    def __enter__(self) -> "KernelRegisters":
        """Open the kernel. Raises OSError."""
        self._device = self._library.xrtDeviceOpen(self._number)
        if not self._device:
            raise OSError(f"XRT does not open card {self._number}")
        uuid = ctypes.create_string_buffer(UUID_BYTES)
        self._library.xrtDeviceGetXclbinUUID(self._device, uuid)
        name = self._name.encode()
        self._kernel = self._library.xrtPLKernelOpenExclusive(self._device, uuid.raw, name)
        if not self._kernel:
            self._library.xrtDeviceClose(self._device)
            raise OSError(f"XRT does not open the registers of {self._name}: does anybody else run it?")
        return self

    def __exit__(self, *_: object) -> None:
        self._library.xrtKernelClose(self._kernel)
        self._library.xrtDeviceClose(self._device)

    def write(self, offset: int, value: int) -> None:
        """Write 32 bits. Raises OSError."""
        if self._library.xrtKernelWriteRegister(self._kernel, offset, value):
            raise OSError(f"XRT does not write register {offset:#x} of {self._name}")

    def read(self, offset: int) -> int:
        """Return 32 bits. Raises OSError."""
        found = WORD()
        if self._library.xrtKernelReadRegister(self._kernel, offset, ctypes.byref(found)):
            raise OSError(f"XRT does not read register {offset:#x} of {self._name}")
        return found.value
