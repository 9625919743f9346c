"""A source file as the habits see it: its text, its bare code, its functions."""

import re
from dataclasses import dataclass
from functools import cached_property

# A comment or a literal. Raw strings come first: their contents may look like anything else.
_COMMENT_OR_LITERAL = re.compile(
    r'R"(?P<tag>[^\s()\\]{0,16})\(.*?\)(?P=tag)"'
    r"|//(?:\\\n|[^\n])*"
    r"|/\*.*?\*/"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'",
    re.DOTALL,
)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.MULTILINE)


def _blank(match):
    """Replaces text by spaces, so that offsets and line numbers stay as they are."""
    return re.sub(r"[^\n]", " ", match.group())


@dataclass(frozen=True)
class Source:
    path: str  # relative to the root, with slashes
    text: str

    @property
    def folder(self):
        return self.path.split("/")[0]

    @property
    def is_cpp(self):
        return self.path.endswith((".hpp", ".cpp"))

    @property
    def is_public_header(self):
        return re.match(r"(shm|bus)/include/", self.path) is not None

    @cached_property
    def lines(self):
        return self.text.splitlines()

    @cached_property
    def code(self):
        """The text with comments and literals blanked."""
        return _COMMENT_OR_LITERAL.sub(_blank, self.text)

    @cached_property
    def code_lines(self):
        return self.code.splitlines()

    def line_at(self, offset):
        return self.text.count("\n", 0, offset) + 1


def matching(code, opening):
    """The offset of the bracket that closes the one at `opening`; the end if none does."""
    pairs = {"(": ")", "{": "}", "<": ">", "[": "]"}
    closer, depth = pairs[code[opening]], 0
    for offset in range(opening, len(code)):
        if code[offset] == code[opening]:
            depth += 1
        elif code[offset] == closer:
            depth -= 1
            if depth == 0:
                return offset
    return len(code)


def arguments(text, brackets="()[]{}"):
    """Splits the text between two brackets at its outer commas."""
    if not text.strip():
        return []
    parts, depth = [""], 0
    for char in text:
        depth += (char in brackets[::2]) - (char in brackets[1::2])
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def _strip_templates(head):
    while match := re.search(r"\btemplate\s*<", head):
        closing = matching(head, match.end() - 1)
        head = head[: match.start()] + " " * (closing + 1 - match.start()) + head[closing + 1 :]
    return head


_SCOPE = re.compile(r"\s*(?:\[\[.*?\]\]\s*)*(?:inline\s+)?(?:typedef\s+|static\s+|constexpr\s+)*"
                    r"(?:namespace|class|struct|union|enum|extern)\b", re.DOTALL)
_ACCESS = re.compile(r"\b(?:public|private|protected)\s*:(?!:)")
_INITIALISER = re.compile(r"\)[^()]*?(?<!:):(?!:).*[\w>]\s*$", re.DOTALL)
_QUALIFIER = re.compile(r"\b(?:const|noexcept|override|final|mutable|try)\s*$")


def _kind(head, parens):
    """What a brace opens, judged by the text before it: 'scope', 'function' or 'value'."""
    head = _strip_templates(head)
    if parens > 0 or re.search(r"=\s*$", head):
        return "value"
    declarator = re.search(r"\)\s*(?:const|noexcept|override|final|->[^{}]*)*\s*$", head)
    if _SCOPE.match(head) and not declarator:
        return "scope"
    if "(" not in head:
        return "value"
    if _INITIALISER.search(head) and not _QUALIFIER.search(head) and "->" not in head:
        return "value"  # a member that a constructor initialises with braces
    return "function"


def functions(source):
    """Yields (first line, last line) of every function; what lies inside one belongs to it."""
    code = _DIRECTIVE.sub(_blank, source.code)
    head, parens, offset = 0, 0, 0  # where the present declaration began; its open parentheses
    while offset < len(code):
        char = code[offset]
        if char == "(":
            parens += 1
        elif char == ")":
            parens -= 1
        elif char == ";" and parens <= 0:
            head, parens = offset + 1, 0
        elif char == "}":
            head, parens = offset + 1, 0
        elif char == "{":
            text = code[head:offset]
            if access := list(_ACCESS.finditer(text)):
                head += access[-1].end()
                text = code[head:offset]
            kind = _kind(text, parens)
            if kind == "scope":
                head, parens = offset + 1, 0
            else:
                closing = matching(code, offset)
                if kind == "function":
                    first = head + len(text) - len(text.lstrip())
                    yield source.line_at(first), source.line_at(closing)
                    head, parens = closing + 1, 0
                offset = closing
        offset += 1
