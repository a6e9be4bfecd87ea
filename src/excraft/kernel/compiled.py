"""How the kernel is compiled: one decorator, one cache, one intrinsic.

The cache folder's name holds a hash of all kernel sources and of the compiler's version, because
Numba's own check sees only the file of the outermost function and would run stale inner ones.
"""

import ctypes
import os
import threading
import time
from hashlib import sha256
from pathlib import Path

import numba
import numpy as np

from excraft.messages.commands import COMMAND

HERE = Path(__file__).parent
SOURCES = [
    *sorted(path for path in HERE.glob("*.py") if not path.name.startswith("reference")),
    *(HERE.parent / name for name in ("parameters.py", "units.py")),
    *(HERE.parent / "messages" / f"{name}.py" for name in ("commands", "events", "reasons")),
]
PLAIN = bool(numba.config.DISABLE_JIT)


def cache_folder() -> Path:
    """Where compiled code is kept: EXCRAFT_CACHE, or the user's cache folder."""
    root = os.environ.get("EXCRAFT_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "excraft"
    )
    digest = sha256(f"{numba.__version__} {numba.config.BOUNDSCHECK}".encode())
    for source in SOURCES:
        digest.update(source.read_bytes())
    return Path(root) / f"kernel-{digest.hexdigest()[:16]}"


if not PLAIN:
    numba.config.CACHE_DIR = str(cache_folder())


def compiled(function):
    """Compile a part of the kernel: inlined where it is called, so that the tuples of tables that
    are handed down cost nothing. Without reference counts: no table is made or freed in here."""
    return numba.njit(nogil=True, error_model="numpy", _nrt=False, forceinline=True)(function)


def outlined(function):
    """Compile a part that is rarely needed as a function of its own, to keep the hot loop small."""
    return numba.njit(nogil=True, error_model="numpy", _nrt=False)(function)


def entry(function):
    """Compile a function that Python calls; the result is kept on disk."""
    return numba.njit(nogil=True, cache=True, error_model="numpy", _nrt=False)(function)


if PLAIN:
    i64 = int  # exact, so that uncompiled code never overflows

    def u64(number):
        """The same 64 bits without a sign."""
        return np.uint64(int(number) & 0xFFFFFFFFFFFFFFFF)

    def nth(number):
        """The index `number`, which is never negative."""
        if number < 0:
            raise IndexError(f"index {number} is negative")
        return int(number)

    def prefetch(array, index):
        """Nothing to do when the source runs uncompiled."""

    prefetch_to_read = prefetch_second = prefetch_second_to_read = prefetch

    def publish(array, index, number):
        """Write a word; who reads it with `observe` sees all that was written before."""
        array[index] = number

    def observe(array, index):
        """Read a word that another thread publishes."""
        return int(array[index])

    _swapping = threading.Lock()

    def swap_if(array, index, expected, number):
        """Write a word if it is as expected; whether it was. Nobody comes in between."""
        with _swapping:
            was = int(array[index])
            if was == expected:
                array[index] = number
            return was == expected

    def commands_at(address, count):
        """The rows of a record, wherever the array lies."""
        held = (ctypes.c_char * (count * COMMAND.itemsize)).from_address(address)
        return np.frombuffer(held, COMMAND).view(np.recarray)

    def give_way():
        """Let another thread run."""
        time.sleep(0)

else:
    from llvmlite import ir
    from numba.core import cgutils, types
    from numba.extending import intrinsic
    from numba.np.arrayobj import make_array, populate_array

    @compiled
    def i64(number):
        """A field as int64: mixing signed and unsigned would silently become a float."""
        return np.int64(number)

    @compiled
    def nth(number):
        """The index `number`, which is never negative: of a signed one Numba would look whether it
        counts from the end, at every access, which is a tenth of the time of matching."""
        return np.uint64(number)

    @compiled
    def u64(number):
        """The same 64 bits without a sign."""
        return np.uint64(number)

    def prefetching(write: int, line: int = 0):
        """An intrinsic that asks for a cache line of ``array[index]``."""

        def prefetch(typingctx, array, index):
            def codegen(context, builder, signature, args):
                kind = signature.args[0]
                item = cgutils.get_item_pointer(
                    context, builder, kind, make_array(kind)(context, builder, args[0]), [args[1]]
                )
                word = ir.IntType(32)
                pointer = builder.bitcast(item, cgutils.voidptr_t)
                pointer = builder.gep(pointer, [ir.Constant(word, 64 * line)])
                signature_ll = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, word, word, word])
                name = "llvm.prefetch.p0"
                call = cgutils.get_or_insert_function(builder.module, signature_ll, name)
                builder.call(call, [pointer, word(write), word(3), word(1)])
                return context.get_dummy_value()

            return types.void(array, types.intp), codegen

        return intrinsic(prefetch)

    prefetch = prefetching(1)  # to write there; `index` must lie in the array
    prefetch_second = prefetching(1, 1)
    prefetch_to_read = prefetching(0)
    prefetch_second_to_read = prefetching(0, 1)

    @intrinsic
    def publish(typingctx, array, index, number):
        """Write a word; who reads it with `observe` sees all that was written before."""

        def codegen(context, builder, signature, args):
            kind = signature.args[0]
            held = make_array(kind)(context, builder, args[0])
            word = cgutils.get_item_pointer(context, builder, kind, held, [args[1]])
            builder.store_atomic(args[2], word, "release", 8)
            return context.get_dummy_value()

        return types.void(array, types.intp, types.int64), codegen

    @intrinsic
    def observe(typingctx, array, index):
        """Read a word that another thread publishes."""

        def codegen(context, builder, signature, args):
            kind = signature.args[0]
            held = make_array(kind)(context, builder, args[0])
            word = cgutils.get_item_pointer(context, builder, kind, held, [args[1]])
            return builder.load_atomic(word, "acquire", 8)

        return types.int64(array, types.intp), codegen

    @intrinsic
    def swap_if(typingctx, array, index, expected, number):
        """Write a word if it is as expected; whether it was. Nobody comes in between."""

        def codegen(context, builder, signature, args):
            kind = signature.args[0]
            held = make_array(kind)(context, builder, args[0])
            word = cgutils.get_item_pointer(context, builder, kind, held, [args[1]])
            swapped = builder.cmpxchg(word, args[2], args[3], "acq_rel", "acquire")
            return builder.extract_value(swapped, 1)

        return types.boolean(array, types.intp, types.int64, types.int64), codegen

    COMMANDS = types.Array(numba.from_dtype(COMMAND), 1, "C")

    @intrinsic
    def commands_at(typingctx, address, count):
        """The rows of a record, wherever the array lies."""

        def codegen(context, builder, signature, args):
            rows = make_array(COMMANDS)(context, builder)
            size = context.get_constant(types.intp, COMMAND.itemsize)
            place = builder.inttoptr(args[0], rows.data.type)
            populate_array(rows, place, [args[1]], [size], size, None)
            return rows._getvalue()

        return COMMANDS(types.int64, types.int64), codegen

    give_way = types.ExternalFunction("sched_yield", types.int32())
