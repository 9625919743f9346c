"""The habits a machine can check, one function each: a Source in, (line, complaint) pairs out.

Why each of them is a habit stands in CONTRIBUTING.md.
"""

import re

from source import arguments, functions, matching

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_COLUMNS = 100

# One header is what a C program includes, and what other languages read: it is not split.
MAY_BE_LONGER = {"bindings/c/include/towpath/towpath.h": 900}

PRODUCT = ("shm", "bus", "daemon", "cli", "bindings")
# For each folder: our folders whose public headers it may include, and the libraries it may use.
MAY_INCLUDE = {
    "shm": ({"shm"}, {"boost"}),
    "bus": ({"bus", "shm"}, {"boost"}),
    "daemon": ({"bus", "shm"}, {"boost", "fmt", "CLI", "spdlog", "toml++"}),
    "cli": ({"bus", "shm"}, {"boost", "fmt", "CLI", "nlohmann"}),
    "bindings": ({"bus"}, set()),
    "examples": ({"bus", "shm"}, {"fmt"}),
}
LIBRARIES = {"boost", "fmt", "CLI", "nlohmann", "gtest", "gmock", "benchmark"}


def _home(name):
    """The folder of ours, or the library, that an include names; None for all others."""
    if name.startswith("towpath/shm/"):
        return "shm"
    if name.startswith("towpath/"):
        return "bus"
    first = name.split("/")[0] if "/" in name else None
    return first if first in LIBRARIES else None


def include_direction(source):
    """Includes go downwards; a private header is quoted and lies beside the file that uses it."""
    if not source.is_cpp or source.folder not in MAY_INCLUDE:
        return
    ours, libraries = MAY_INCLUDE[source.folder]
    for number, line in enumerate(source.lines, 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not match:
            continue
        quote, name = match.groups()
        home = _home(name)
        if home in LIBRARIES:
            if home not in libraries:
                yield number, f"{source.folder}/ does not use {home}"
            elif source.is_public_header:
                yield number, f"a public header asks its users for {home}: include it in a source"
        elif home is not None:
            if home not in ours:
                yield number, f"{source.folder}/ may not include {home}/"
        elif quote == '"' and source.is_public_header:
            yield number, f"a public header includes the private {name}"
        elif quote == '"' and "/" in name:
            yield number, f"{name} is not beside this file: private headers stay at home"


def file_length(source):
    most = MAY_BE_LONGER.get(source.path, MAX_FILE_LINES)
    if len(source.lines) > most:
        yield len(source.lines), f"{len(source.lines)} lines, at most {most}: split it"


def function_length(source):
    if not source.is_cpp:
        return
    for first, last in functions(source):
        if last - first + 1 > MAX_FUNCTION_LINES:
            yield first, f"a function of {last - first + 1} lines, at most {MAX_FUNCTION_LINES}"


def line_shape(source):
    """Lines are at most 100 columns wide and hold no tab."""
    for number, line in enumerate(source.lines, 1):
        if len(line) > MAX_COLUMNS:
            yield number, f"{len(line)} columns, at most {MAX_COLUMNS}"
        if "\t" in line:
            yield number, "a tab: indent with spaces"


# Joined here, so that this file does not hold the words itself.
_WORDS = "TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"
_UNFINISHED = re.compile(rf"\b({'|'.join(_WORDS)})\b")


def unfinished_work(source):
    for number, line in enumerate(source.lines, 1):
        if match := _UNFINISHED.search(line):
            yield number, f"{match.group()}: finish it, or say what is so and why"


def no_volatile(source):
    """`volatile` orders nothing between threads; only inline assembly needs the word."""
    if not source.is_cpp:
        return
    for match in re.finditer(r"\bvolatile\b", source.code):
        if not re.search(r"\b(asm|__asm__)\s*$", source.code[: match.start()][-16:]):
            yield source.line_at(match.start()), "volatile orders nothing: use Atomic<T>"


# How many arguments each operation of an atomic has when its order is spelt out.
_ATOMIC_OPERATIONS = {
    "load": 1, "store": 2, "exchange": 2, "fetch_add": 2, "fetch_sub": 2, "fetch_and": 2,
    "fetch_or": 2, "fetch_xor": 2, "test_and_set": 1, "compare_exchange_weak": 3,
    "compare_exchange_strong": 3,
}  # fmt: skip
_OPERATION = re.compile(r"(?:\.|->)\s*(" + "|".join(_ATOMIC_OPERATIONS) + r")\s*(\()")


def explicit_order(source):
    """Every atomic operation says its order; the default would be seq_cst by accident."""
    if not source.is_cpp or source.folder not in PRODUCT:
        return
    for match in _OPERATION.finditer(source.code):
        name, opening = match.group(1), match.start(2)
        given = arguments(source.code[opening + 1 : matching(source.code, opening)])
        if len(given) < _ATOMIC_OPERATIONS[name]:
            yield source.line_at(opening), f"{name}() without a memory order"


_ORDER = re.compile(r"\b(?:kAcquire|kRelease|kAcqRel|kSeqCst|memory_order_(?!relaxed)\w+)\b")
_LABEL = re.compile(r"//.*\[[A-Z]+\d+[a-z]?\]")
_LABEL_REACH = 8  # lines above an operation in which its label may stand


def labelled_order(source):
    """An ordered operation in shm/ carries the label under which docs/memory_model.md argues it."""
    if not source.is_cpp or source.folder != "shm" or source.path.endswith("/atomic.hpp"):
        return
    for number, line in enumerate(source.code_lines, 1):
        near = source.lines[max(0, number - 1 - _LABEL_REACH) : number]
        if _ORDER.search(line) and not any(_LABEL.search(text) for text in near):
            yield number, "an ordered operation without its label, as in // [P1] release, ..."


_LAYOUT = re.compile(r"\bstruct\s+(?:alignas\s*\([^)]*\)\s*)?(\w*Layout)\b[^;{]*(\{)")
_ENUM = re.compile(r"\benum\s+(?:class|struct)?\s*(\w+)\s*:\s*(?:std::)?uint\d+_t\b")
_ALIAS = re.compile(r"\busing\s+(\w+)\s*=\s*(?:std::)?uint\d+_t\s*;")
_FIXED = re.compile(r"(?:std::)?uint(?:8|16|32|64)_t$|std::byte$|char$|(?:\w+::)*\w+Layout$")
_DECORATION = re.compile(  # attributes, qualifiers, initialisers, extents of arrays
    r"\balignas\s*\([^)]*\)|\[\[.*?\]\]|\bconst\b|\bmutable\b|\{.*\}|=.*|\[[^\]]*\]", re.DOTALL
)
_WRAPPER = re.compile(r"(?:\w+::)*(?:Atomic|array)\s*<(.*)>$", re.DOTALL)


def _is_fixed(type_name, known):
    type_name = type_name.strip()
    if wrapped := _WRAPPER.match(type_name):
        return _is_fixed(arguments(wrapped.group(1), "()<>")[0], known)
    return _FIXED.match(type_name) is not None or type_name.split("::")[-1] in known


def _members(body):
    """Yields (offset, declaration) of each statement directly in a struct's body."""
    start, offset = 0, 0
    while offset < len(body):
        if body[offset] == "{":
            offset = matching(body, offset)
            if "(" in body[start:offset]:  # a function: it ends without a semicolon
                start = offset + 1
        elif body[offset] == ";":
            yield start, body[start:offset]
            start = offset + 1
        offset += 1


def mapped_structs(source):
    """A mapped struct (its name ends in Layout) is the same bytes in every process and build."""
    if not source.is_cpp or source.folder not in PRODUCT:
        return
    known = set(_ENUM.findall(source.code)) | set(_ALIAS.findall(source.code))
    for struct in _LAYOUT.finditer(source.code):
        begin = struct.start(2) + 1
        body = source.code[begin : matching(source.code, struct.start(2))]
        for offset, declaration in _members(body):
            text = _DECORATION.sub("", declaration).strip()
            if not text or re.match(r"(static|static_assert|using|friend|constexpr)\b", text):
                continue
            if "(" in text:
                continue  # a function declared here and defined elsewhere
            type_name = re.sub(r"\s*\b\w+$", "", text)
            if not _is_fixed(type_name, known):
                line = source.line_at(begin + offset + len(declaration) - len(declaration.lstrip()))
                yield line, f"{struct.group(1)} is mapped: {type_name} is no fixed-width field"


ALL = (include_direction, file_length, function_length, line_shape, unfinished_work, no_volatile,
       explicit_order, labelled_order, mapped_structs)  # fmt: skip
