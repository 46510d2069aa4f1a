"""The grammar of filters: MLflow's, extended by OR, NOT, parentheses, IN and `~` (contains) for every text.

    metrics.accuracy > 0.9 and (params.model = 'svm' or tags.`my tag` ~ 'final') and end_time is null

`parse_filter` returns a tree, `parse_order` a sort key; the caller (runs/search.py) defines the keys. Errors have
the column, so that a page can point at it.
"""

import dataclasses
import math
import re
import typing

from studio import numbers
from studio.errors import Invalid

MAX_FILTER_LENGTH = 10_000
MAX_DEPTH = 50
# Each condition becomes one in the SQL, each sort key a joined table.
MAX_CLAUSES = 100
MAX_ORDERS = 20
# A pattern is tried at every position of every value.
MAX_PATTERN = 1_000
TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>'(?:[^']|'')*')
    | (?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    | (?P<name>(?:[^\W\d][\w/:-]*(?:\.[\w/:-]+)*\.)?(?:`[^`]+`|"[^"]*")|[\w][\w./:-]*)
    | (?P<operator>!=|<>|>=|<=|!~|=|>|<|~)
    | (?P<mark>[(),])
    )""",
    re.VERBOSE,
)
WORDS = {"and", "or", "not", "in", "is", "null", "like", "ilike"}
PATTERNS = {"~", "!~", "like", "ilike"}
COMPARISONS = {"=", "!=", ">", ">=", "<", "<=", "~", "!~", "like", "ilike"}


class BadFilter(Invalid):
    """`column` counts from 0."""

    def __init__(self, message: str, column: int):
        super().__init__(f"Invalid filter: {message} (at column {column + 1})", target="filter")
        self.plain, self.column = message, column


@dataclasses.dataclass(frozen=True)
class Clause:
    """`entity` is in lower case, empty for a bare word. `value` is a text, a number, a tuple or None."""

    entity: str
    key: str
    operator: str
    value: typing.Any
    column: int
    operator_column: int
    # The column of the value, or of each one in a list.
    value_columns: tuple[int, ...]

    def make_error(self, message: str) -> BadFilter:
        return BadFilter(message, self.column)

    def make_operator_error(self, message: str) -> BadFilter:
        return BadFilter(message, self.operator_column)

    def make_value_error(self, message: str, index: int = 0) -> BadFilter:
        return BadFilter(message, self.value_columns[index] if self.value_columns else self.operator_column)


@dataclasses.dataclass(frozen=True)
class All:
    parts: tuple


@dataclasses.dataclass(frozen=True)
class Any:
    parts: tuple


@dataclasses.dataclass(frozen=True)
class Not:
    part: typing.Any


@dataclasses.dataclass(frozen=True)
class Order:
    entity: str
    key: str
    descending: bool


@dataclasses.dataclass(frozen=True)
class QueryToken:
    kind: str
    text: str
    column: int

    @property
    def name(self) -> str:
        """As a message names it."""
        return repr(self.text) if self.text else "the end of the query"

    @property
    def word(self) -> str:
        """The lower-case word, if it can be a keyword of the grammar."""
        return self.text.lower() if self.kind in ("name", "operator", "mark") else ""


def parse_filter(text: str, may_end_with_and: bool = False):
    """The tree; None if there is no condition. MLflow allows a filter to end with AND."""
    if len(text) > MAX_FILTER_LENGTH:
        raise BadFilter(f"it has {len(text)} characters; {MAX_FILTER_LENGTH} are allowed", MAX_FILTER_LENGTH)
    parser = _Parser(text, may_end_with_and)
    return parser.parse_whole() if parser.tokens else None


def parse_order(text: str) -> Order:
    """A key with an optional direction."""
    if len(text) > MAX_PATTERN:
        raise Invalid(f"An order_by clause has {len(text)} characters; {MAX_PATTERN} are allowed.", target="order_by")
    tokens = _tokens(text)
    direction = tokens.pop().word if len(tokens) == 2 else "asc"
    if len(tokens) != 1 or tokens[0].kind not in ("name", "text") or direction not in ("asc", "desc"):
        raise Invalid(f"Invalid order_by clause '{text[:200]}': write a key, then ASC or DESC.", target="order_by")
    entity, key = _split(tokens[0].text)
    return Order(entity, key, direction == "desc")


def parse_orders(texts: list[str]) -> list[Order]:
    if len(texts) > MAX_ORDERS:
        raise Invalid(f"The order_by has {len(texts)} keys; {MAX_ORDERS} are allowed.", target="order_by")
    return [parse_order(text) for text in texts]


def _tokens(text: str) -> list[QueryToken]:
    found, position = [], 0
    end = len(text.rstrip())
    while position < end:
        match = TOKEN.match(text, position)
        if not match:
            column = position + len(text[position:]) - len(text[position:].lstrip())
            what = "this quote is not closed" if text[column] in "'\"`" else f"{text[column]!r} is not understood"
            raise BadFilter(what, column)
        kind = str(match.lastgroup)
        found.append(QueryToken(kind, match[kind], match.start(kind)))
        position = match.end()
    return found


def _split(name: str) -> tuple[str, str]:
    """Entity and key of a name: the parts before and after the first period outside of quotes."""
    if name[0] in "`\"'":
        return "", name[1:-1]
    entity, period, key = name.partition(".")
    if not period:
        return "", name
    return entity.lower(), key[1:-1] if key[:1] in '`"' else key


class _Parser:
    def __init__(self, text: str, may_end_with_and: bool):
        self.may_end_with_and = may_end_with_and
        self.tokens = _tokens(text)
        self.end = QueryToken("end", "", len(text))
        self.position = self.depth = self.clauses = 0

    @property
    def token(self) -> QueryToken:
        return self.tokens[self.position] if self.position < len(self.tokens) else self.end

    def advance(self) -> QueryToken:
        token = self.token
        self.position += 1
        return token

    def accept(self, word: str) -> bool:
        found = self.token.word == word
        self.position += found
        return found

    def parse_whole(self):
        tree = self.parse_any()
        if self.token.kind != "end":
            raise BadFilter(f"expected AND or OR, not {self.token.text!r}", self.token.column)
        return tree

    def parse_any(self):
        parts = [self.parse_all()]
        while self.accept("or"):
            parts.append(self.parse_all())
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def parse_all(self):
        parts = [self.parse_negation()]
        while self.accept("and"):
            if self.may_end_with_and and (self.token.kind == "end" or self.token.word == ")"):
                break
            parts.append(self.parse_negation())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def parse_negation(self):
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise BadFilter(f"more than {MAX_DEPTH} parentheses or NOTs inside each other", self.token.column)
        if self.accept("not"):
            tree = Not(self.parse_negation())
        elif self.accept("("):
            tree = self.parse_any()
            self.expect(")")
        else:
            tree = self.parse_clause()
        self.depth -= 1
        return tree

    def expect(self, word: str) -> None:
        if not self.accept(word):
            raise BadFilter(f"expected {word.upper()} before {self.token.name}", self.token.column)

    def parse_clause(self) -> Clause:
        name = self.advance()
        if name.kind != "name" or name.word in WORDS:
            raise BadFilter(f"expected a key such as metrics.loss, not {name.name}", name.column)
        operator_column = self.token.column
        operator, value, columns = self.parse_comparison()
        self.clauses += 1
        if self.clauses > MAX_CLAUSES:
            raise BadFilter(f"it has more than {MAX_CLAUSES} conditions", name.column)
        if operator.removeprefix("not ") in PATTERNS and isinstance(value, str) and len(value) > MAX_PATTERN:
            raise BadFilter(f"a text to look for has {len(value)} characters; {MAX_PATTERN} are allowed", columns[0])
        return Clause(*_split(name.text), operator, value, name.column, operator_column, columns)

    def parse_comparison(self) -> tuple[str, typing.Any, tuple[int, ...]]:
        """Operator, value, and where each value is."""
        if self.accept("is"):
            operator = "is not null" if self.accept("not") else "is null"
            self.expect("null")
            return operator, None, ()
        negated = self.accept("not")
        token = self.advance()
        word = "!=" if token.word == "<>" else token.word
        if word == "in":
            return ("not in" if negated else "in"), *self.parse_values()
        if word not in COMPARISONS or (negated and word not in ("like", "ilike")):
            allowed = "=, !=, >, >=, <, <=, ~, LIKE, ILIKE, IN or IS NULL"
            raise BadFilter(f"expected a comparison ({allowed}), not {token.name}", token.column)
        column = self.token.column
        return (f"not {word}" if negated else word), self.parse_value(), (column,)

    def parse_values(self) -> tuple[tuple, tuple[int, ...]]:
        self.expect("(")
        columns = [self.token.column]
        found = [self.parse_value()]
        while self.accept(","):
            columns.append(self.token.column)
            found.append(self.parse_value())
        self.expect(")")
        return tuple(found), tuple(columns)

    def parse_value(self):
        token = self.advance()
        if token.kind == "text":
            return token.text[1:-1].replace("''", "'")
        if token.kind == "number":
            return self.parse_number(token)
        if token.kind == "name" and token.text[0] == '"':
            return token.text[1:-1]
        if token.word == "nan":
            return math.nan
        raise BadFilter(f"expected a number or a text in quotes, not {token.name}", token.column)

    def parse_number(self, token: QueryToken) -> int | float:
        whole, real = numbers.int_or_none(token.text), numbers.float_or_none(token.text)
        if real is None:
            raise BadFilter(f"{token.text[:40]} is longer or larger than any number that is stored", token.column)
        return real if whole is None else whole
