"""Controls: each habit must catch every bad snippet and pass every good one."""

import habits

_LONG = "  work();\n" * 60
_SHORT = "  work();\n" * 58
_KIND = "enum class Kind : std::uint32_t { a };\n"
_UNFINISHED_WORD = "TO" + "DO"

# habit -> (path, text) pairs that it must report.
BAD = {
    habits.include_direction: [
        ("shm/src/a.cpp", '#include "towpath/bus.hpp"\n'),
        ("shm/src/a.cpp", "#include <towpath/bus.hpp>\n"),
        ("shm/src/a.cpp", "#include <fmt/format.h>\n"),
        ("bus/src/a.cpp", '#include "cli/src/table.hpp"\n'),
        ("bus/src/a.cpp", '#include "../../shm/src/futex.hpp"\n'),
        ("bus/include/towpath/a.hpp", "#include <boost/lockfree/queue.hpp>\n"),
        ("bus/include/towpath/a.hpp", '#include "private.hpp"\n'),
        ("cli/src/a.cpp", "#include <gtest/gtest.h>\n"),
        ("examples/a.cpp", '#include "bus/src/inner.hpp"\n'),
    ],
    habits.file_length: [
        ("bus/src/a.cpp", "int a;\n" * 401),
        ("bindings/c/include/towpath/towpath.h", "int a;\n" * 901),
        ("bindings/c/include/towpath/other.h", "int a;\n" * 401),
    ],
    habits.function_length: [
        ("bus/src/a.cpp", "void f() {\n" + _LONG + "}\n"),
        (
            "bus/src/a.cpp",
            "namespace a {\nclass B {\n public:\n  B(int c) : c_{c} {\n" + _LONG + "}\n};\n}\n",
        ),
        ("bus/src/a.cpp", "auto f(std::vector<int> v = {}) const -> int {\n" + _LONG + "}\n"),
        ("bus/src/a.cpp", "template <class T>\nstruct A<T>* f(T x) {\n" + _LONG + "}\n"),
        (
            "bus/src/a.cpp",
            'const char* k = "{";\nint m = 1\'000;\nvoid f() noexcept {\n' + _LONG + "}\n",
        ),
        ("tests/bus/a_test.cpp", "TEST(A, B) {\n" + _LONG + "}\n"),
        ("tests/bus/a_test.cpp", 'auto r = R"(})";\n#define X {\nTEST_F(A, B) {\n' + _LONG + "}\n"),
    ],
    habits.line_shape: [
        ("bus/src/a.cpp", "int a" + "a" * 100 + ";\n"),
        ("dev", "\techo\n"),
    ],
    habits.unfinished_work: [("docs/a.md", _UNFINISHED_WORD + ": later\n")],
    habits.no_volatile: [("shm/src/a.cpp", "volatile int a;\n")],
    habits.explicit_order: [
        ("shm/src/a.cpp", "auto a = word.load();\n"),
        ("shm/src/a.cpp", "word->store(f(1, 2));\n"),
        ("bus/src/a.cpp", "word.compare_exchange_strong(seen,\n    wanted);\n"),
        ("bus/src/a.cpp", "word.fetch_add(1);\n"),
    ],
    habits.labelled_order: [
        ("shm/src/a.cpp", "word.store(1, kRelease);\n"),
        ("shm/src/a.cpp", "// [P1] release\n" + "\n" * 9 + "fence(kSeqCst);\n"),
    ],
    habits.mapped_structs: [
        ("shm/include/a.hpp", f"struct ALayout {{\n  {member}\n}};\n")
        for member in (
            "bool set;",
            "char* name;",
            "std::uint32_t& other;",
            "std::string name;",
            "std::size_t count;",
            "long count;",
            "int count = 0;",
            "Atomic<bool> set;",
            "std::array<int, 4> counts;",
            "Unknown kind;",
            "std::uint8_t ok; bool set;",
        )
    ],
}

# habit -> (path, text) pairs that it must not report.
GOOD = {
    habits.include_direction: [
        ("shm/src/a.cpp", "#include <boost/a.hpp>\n#include <sys/mman.h>\n"),
        ("shm/src/a.cpp", '#include "ring_inner.hpp"\n'),
        ("bus/include/towpath/a.hpp", '#include "towpath/shm/ring.hpp"\n#include <vector>\n'),
        ("examples/a.cpp", "#include <towpath/towpath.hpp>\n"),
        ("tests/shm/a_test.cpp", '#include "shm/src/ring_inner.hpp"\n'),
    ],
    habits.file_length: [
        ("bus/src/a.cpp", "int a;\n" * 400),
        ("bindings/c/include/towpath/towpath.h", "int a;\n" * 900),
    ],
    habits.function_length: [
        ("bus/src/a.cpp", "struct B {\n" + "  int f() { return 1; }\n" * 80 + "};\n"),
        ("bus/src/a.cpp", "enum class A : int {\n" + "  a,\n" * 80 + "};\n"),
        ("bus/src/a.cpp", "void f() {\n" + _SHORT + "}\nvoid g() {\n" + _SHORT + "}\n"),
        ("bus/src/a.cpp", "struct alignas(64) A {\n" + "  int f();\n" * 80 + "};\n"),
        ("bus/src/a.cpp", "constexpr int k[] = {\n" + "  1,\n" * 80 + "};\n"),
    ],
    habits.line_shape: [("bus/src/a.cpp", "x" * 100 + "\n")],
    habits.unfinished_work: [("docs/a.md", "mkdtemp(" + "X" * 6 + ")\n")],
    habits.no_volatile: [("shm/src/a.cpp", 'asm volatile("pause");  // not volatile\n')],
    habits.explicit_order: [
        ("shm/src/a.cpp", "word.store(f(1, 2), kRelease);\nword.load(kAcquire);\n"),
        ("shm/src/a.cpp", "word->fetch_or(1ULL << at->bit, kRelease);\n"),
        ("tests/shm/a_test.cpp", "flag.store(true);\n"),
    ],
    habits.labelled_order: [
        ("shm/src/a.cpp", "// [P1] release, pairs with [S1].\nword.store(1, kRelease);\n"),
        ("shm/src/a.cpp", "word.load(kRelaxed);\n"),
    ],
    habits.mapped_structs: [
        ("shm/include/a.hpp", f"{_KIND}struct ALayout {{\n  {member}\n}};\n")
        for member in (
            "std::uint64_t magic;\n  Atomic<std::uint32_t> state;  // not a bool",
            "std::array<Atomic<std::uint64_t>, kCount> words;",
            "alignas(128) std::byte reserved[4096 - 256];",
            "HeaderLayout header;\n  shm::OtherLayout other;",
            "Kind kind{};",
            "static constexpr bool kFlag = true;",
            "std::uint64_t size() const { bool a = true; return a; }\n  std::uint8_t b;",
        )
    ],
}
