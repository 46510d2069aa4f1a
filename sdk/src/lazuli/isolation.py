"""Isolate scripts: Landlock, which needs neither root nor a container, and dropped capabilities.

A script runs as the same account as the node that starts it. Without a fence it could read the studio's data folder, the
memory of the node worker and the files of other runs, and change the environments that later runs use. With it, a script
opens, below the hidden folders, only what is given to it, writes only to its own folder and to those for temporary
files, and can neither look into processes that are not its own nor signal them.

Source of the numbers: linux/landlock.h and linux/prctl.h of Linux 6.12; docs.kernel.org/userspace-api/landlock.html.
"""

from __future__ import annotations

import ctypes
import dataclasses
import os
import stat
import sys
from typing import Any, Dict, Iterator, List, Mapping, Optional, Set

# What the host agent hides from scripts, as a list of paths; without it, as on a person's own machine, nothing is fenced.
HIDDEN_VARIABLE = "LAZULI_HIDDEN_PATHS"
# Folders that scripts of this host may write to, besides their own.
WRITABLE_VARIABLE = "NODE_WRITABLE"
# `auto` (what the machine can do), `required` (else no script runs) or `off`.
MODE_VARIABLE = "NODE_ISOLATION"
MODES = ("auto", "required", "off")

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION_FLAG, PATH_BENEATH = 1, 1
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
CAPABILITY_VERSION = 0x20080522

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
# Remove and make entries of all kinds: bits 4 to 12.
CHANGE_ENTRIES = sum(1 << bit for bit in range(4, 13))
REFER, TRUNCATE, IOCTL_DEVICE = 1 << 13, 1 << 14, 1 << 15
SCOPE_ABSTRACT_SOCKETS, SCOPE_SIGNALS = 1 << 0, 1 << 1

READ = EXECUTE | READ_FILE | READ_DIR
WRITE = WRITE_FILE | CHANGE_ENTRIES | REFER | TRUNCATE
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEVICE
# Below this version of Landlock a file cannot be renamed from one folder to another.
MIN_ABI, TRUNCATE_ABI, SIGNALS_ABI = 2, 3, 6

TEMPORARY_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")
# The devices that programs need, without disks and memory. Those of GPUs have numbers behind their names.
DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "fuse")
GPU_DEVICES = ("nvidia", "dri", "kfd")


class NotIsolated(Exception):
    """This machine cannot isolate scripts; the text says why."""


@dataclasses.dataclass(frozen=True)
class Fence:
    """The file access of a process. Create it before the fork; `enter` applies it in the child."""

    ruleset: int

    def enter(self) -> None:
        """Fence this process and all that it starts. Only system calls, since it runs between fork and exec."""
        _drop_capabilities()
        _check(_libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
        _check(_libc().syscall(RESTRICT_SELF, self.ruleset, 0), "landlock_restrict_self")

    def close(self) -> None:
        os.close(self.ruleset)


def make_fence(hidden: List[str], readable: List[str], writable: List[str]) -> Fence:
    """Create a fence: everything outside of `hidden` paths can be read; `readable` and `writable` ones are allowed even
    inside them.

    Raises NotIsolated where the kernel has no Landlock, or one that is too old.
    """
    abi = find_abi()
    ruleset = _create_ruleset(abi)
    try:
        hidden_paths = {os.path.realpath(path) for path in hidden}
        # What is below a folder for temporary files gets all of its rules further down.
        later = {path for path in map(os.path.realpath, TEMPORARY_FOLDERS) if _contains(path, hidden_paths)}
        for path in _open_paths(hidden_paths | later | {"/dev"}):
            _allow(ruleset, path, READ, abi)
        for path in _devices():
            _allow(ruleset, path, READ_FILE | READ_DIR | WRITE_FILE | TRUNCATE | IOCTL_DEVICE, abi)
        for folder in TEMPORARY_FOLDERS:
            for path in _open_paths(hidden_paths, folder):
                _allow(ruleset, path, READ | WRITE, abi)
        for given, rights in [(readable, READ), (writable, READ | WRITE)]:
            for path in given:
                _allow_without(ruleset, os.path.realpath(path), hidden_paths, rights, abi)
    except BaseException:
        os.close(ruleset)
        raise
    return Fence(ruleset)


def make_node_fence(environ: Mapping[str, str], readable: List[str], writable: List[str]) -> Optional[Fence]:
    """The fence of a process of a node, by the variables of its runner; None where the host wants none or cannot make one.

    Raises NotIsolated if the host requires one and cannot make it.
    """
    if not is_wanted(environ):
        return None
    try:
        return make_fence(
            _read_paths(environ, HIDDEN_VARIABLE), readable, [*writable, *_read_paths(environ, WRITABLE_VARIABLE)]
        )
    except NotIsolated:
        if read_mode(environ) == "required":
            raise
        return None


def protects_files(environ: Mapping[str, str]) -> bool:
    """Whether the kernel keeps scripts from changing the files that they can only read, also from cutting them short."""
    try:
        return is_wanted(environ) and find_abi() >= TRUNCATE_ABI
    except NotIsolated:
        return False


def is_hidden(path: str, environ: Mapping[str, str]) -> bool:
    """Whether scripts open nothing below this path, except what is given to them."""
    path, writable = os.path.realpath(path), _read_paths(environ, WRITABLE_VARIABLE)
    return any(
        _is_below(path, hidden)
        and not any(_is_below(each, hidden) and (_is_below(path, each) or _is_below(each, path)) for each in writable)
        for hidden in _read_paths(environ, HIDDEN_VARIABLE)
    )


def is_readable(path: str, environ: Mapping[str, str]) -> bool:
    """Whether all scripts can read what is below this path, and none can write there."""
    path, others = os.path.realpath(path), map(os.path.realpath, TEMPORARY_FOLDERS)
    given = [*others, *_read_paths(environ, HIDDEN_VARIABLE), *_read_paths(environ, WRITABLE_VARIABLE)]
    return not any(_is_below(path, each) or _is_below(each, path) for each in given)


def _read_paths(environ: Mapping[str, str], name: str) -> List[str]:
    return [os.path.realpath(path) for path in environ.get(name, "").split(os.pathsep) if path]


def is_wanted(environ: Mapping[str, str]) -> bool:
    """Whether to isolate scripts. Raises NotIsolated for an unknown mode."""
    return bool(environ.get(HIDDEN_VARIABLE)) and read_mode(environ) != "off"


def read_mode(environ: Mapping[str, str]) -> str:
    """The mode of isolation, one of MODES. Raises NotIsolated for another one."""
    mode = environ.get(MODE_VARIABLE) or "auto"
    if mode not in MODES:
        raise NotIsolated(f"NODE_ISOLATION is {mode!r}; set auto, required or off")
    return mode


def variables_for_runner(environ: Mapping[str, str]) -> Dict[str, str]:
    """The variables with the restrictions of a runner's script, to be passed on to the runner."""
    names = (HIDDEN_VARIABLE, WRITABLE_VARIABLE, MODE_VARIABLE)
    return {name: environ[name] for name in names if environ.get(name)}


def find_abi() -> int:
    """The version of the kernel's Landlock. Raises NotIsolated."""
    if not sys.platform.startswith("linux"):
        raise NotIsolated("only Linux can isolate a script from the files of its own account")
    abi = int(_libc().syscall(CREATE_RULESET, None, ctypes.c_size_t(0), VERSION_FLAG))
    if abi < 0:
        raise NotIsolated("this kernel has no Landlock, or it is turned off (boot with lsm=landlock,…)")
    if abi < MIN_ABI:
        raise NotIsolated("this kernel's Landlock is too old; Linux 5.19 or newer is needed")
    return abi


def _create_ruleset(abi: int) -> int:
    handled = READ | WRITE | IOCTL_DEVICE
    scoped = SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS if abi >= SIGNALS_ABI else 0
    # handled_access_fs, handled_access_net, scoped; an older kernel knows only the first.
    attributes = (ctypes.c_uint64 * 3)(handled & _known_rights(abi), 0, scoped)
    size = 24 if abi >= SIGNALS_ABI else 8
    made = _libc().syscall(CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), 0)
    return int(_check(made, "landlock_create_ruleset"))


def _known_rights(abi: int) -> int:
    rights = READ | WRITE | IOCTL_DEVICE
    if abi < TRUNCATE_ABI:
        rights &= ~TRUNCATE
    if abi < 5:
        rights &= ~IOCTL_DEVICE
    return rights


def _allow_without(ruleset: int, path: str, hidden: Set[str], rights: int, abi: int) -> None:
    """Allow access to a path, except the hidden paths below it."""
    for each in _open_paths(hidden, path) if _contains(path, hidden) else [path]:
        _allow(ruleset, each, rights, abi)


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def _allow(ruleset: int, path: str, rights: int, abi: int) -> None:
    """Allow access to a path. A missing path is no error: it may exist on other machines only."""
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(opened).st_mode):
            rights &= OF_FILES
        rule = _PathBeneath(rights & _known_rights(abi), opened)
        _check(_libc().syscall(ADD_RULE, ruleset, PATH_BENEATH, ctypes.byref(rule), 0), "landlock_add_rule")
    finally:
        os.close(opened)


def _open_paths(hidden: Set[str], folder: str = "/") -> Iterator[str]:
    """The fewest paths at or below the folder that together hold all but the hidden ones.

    Paths that are created later next to a hidden path are hidden too, because Landlock cannot exclude them from a folder.
    """
    yield from _open_real_paths(hidden, os.path.realpath(folder))


def _open_real_paths(hidden: Set[str], folder: str) -> Iterator[str]:
    if any(_is_below(folder, path) for path in hidden):
        return
    if not _contains(folder, hidden):
        yield folder
        return
    try:
        with os.scandir(folder) as entries:
            # A link itself gives no access; its target is allowed by its own path.
            paths = [entry.path for entry in entries if not entry.is_symlink()]
    except OSError:
        # Hidden by the machine already.
        return
    for path in paths:
        yield from _open_real_paths(hidden, path)


def _contains(folder: str, paths: Set[str]) -> bool:
    return any(_is_below(path, folder) for path in paths)


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _devices() -> Iterator[str]:
    for name in sorted(os.listdir("/dev")):
        if name in DEVICES or name.startswith(GPU_DEVICES):
            yield f"/dev/{name}"


def _drop_capabilities() -> None:
    """A script of a studio that runs as root gets no more than an ordinary account could do with root's files."""
    libc = _libc()
    for capability in range(64):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    none = (ctypes.c_uint32 * 6)()
    _check(libc.capset(ctypes.byref(header), ctypes.byref(none)), "capset")


_loaded: Optional[Any] = None


def _libc() -> Any:
    global _loaded
    if _loaded is None:
        _loaded = ctypes.CDLL(None, use_errno=True)
    return _loaded


def _check(result: int, call: str) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise NotIsolated(f"{call} failed: {os.strerror(error)}")
    return result
