"""A profile as container runtimes compile it: with libseccomp, where the machine has it."""

import ctypes
import ctypes.util
import os
import tempfile
from typing import Any

OPERATORS = {"SCMP_CMP_NE": 1, "SCMP_CMP_GE": 5, "SCMP_CMP_MASKED_EQ": 7}
ALLOW = 0x7FFF0000
RUNTIMES_LIBRARY = ctypes.util.find_library("seccomp")


class Comparison(ctypes.Structure):
    _fields_ = [
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("datum_a", ctypes.c_uint64),
        ("datum_b", ctypes.c_uint64),
    ]


def as_runtimes_compile(profile: dict[str, Any]) -> bytes:
    """The filter that libseccomp, which container runtimes use, makes of a profile."""
    library = ctypes.CDLL(RUNTIMES_LIBRARY)
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_rule_add_array.argtypes = [
        ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(Comparison)
    ]  # fmt: skip
    library.seccomp_export_bpf.argtypes = [ctypes.c_void_p, ctypes.c_int]
    context = library.seccomp_init(ALLOW)
    for rule in profile["syscalls"]:
        conditions = [
            Comparison(each["index"], OPERATORS[each["op"]], each["value"], each.get("valueTwo", 0))
            for each in rule.get("args", ())
        ]
        array = (Comparison * len(conditions))(*conditions)
        for name in rule["names"]:
            number = library.seccomp_syscall_resolve_name(name.encode())
            added = library.seccomp_rule_add_array(context, 0x00050000 | rule["errnoRet"], number, len(array), array)
            assert added == 0, (name, os.strerror(-added))
    with tempfile.TemporaryFile() as file:
        assert library.seccomp_export_bpf(context, file.fileno()) == 0
        file.seek(0)
        return file.read()
