"""What ``eval`` and ``where`` read: the grammar, and the expression as a function of a row.

Stricter than Splunk where its manual leaves open what happens: dotted names need single quotes, ``.`` does not mix with
arithmetic without parentheses, comparing or computing with several values, and NOT of an unknown, are errors.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Callable, List, Optional, Tuple

from lark import Lark
from lark.exceptions import UnexpectedInput, UnexpectedToken

from savedsearches.runner import functions, values
from savedsearches.runner.compiled import Constant, Evaluate, Expression, Field
from savedsearches.runner.errors import SplRunError, SplSyntaxError, Unverified
from savedsearches.runner.moment import Moment
from savedsearches.runner.values import Row, Value
from savedsearches.runner.words import unquote

_GRAMMAR = r"""
assignments: assignment ("," assignment)*
assignment: target "=" expression
target: NAME | FIELD | DOTTED

?expression: conjunction | expression "OR" conjunction -> or_
?conjunction: negation | conjunction "AND" negation -> and_
?negation: comparison | "NOT" negation -> not_
?comparison: operand
    | operand SIGN operand -> compare
    | operand "=" operand -> equals
    | operand "LIKE" operand -> like
    | operand "IN" "(" expression ("," expression)* ")" -> in_
?operand: sum | concatenation
concatenation: unary "." unary | concatenation "." unary
?sum: product | sum (PLUS | MINUS) product -> arithmetic
?product: unary | product MULTIPLY unary -> arithmetic
?unary: atom | MINUS unary -> negative
?atom: NUMBER -> number
    | TEXT -> text
    | NAME -> field
    | FIELD -> field
    | DOTTED -> dotted
    | "(" expression ")" -> group
    | NAME "(" [expression ("," expression)*] ")" -> call

SIGN: "==" | "!=" | "<=" | ">=" | "<" | ">"
PLUS: "+"
MINUS: "-"
MULTIPLY: "*" | "/" | "%"
NUMBER: /[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?/
TEXT: /"(\\.|[^"\\])*"/s
FIELD: /'[^']+'/
DOTTED.2: /[A-Za-z_]\w*(\{\})?(\.[A-Za-z_]\w*(\{\})?)+(\{\})?/
NAME: /[A-Za-z_]\w*/
%ignore /\s+/
"""


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark(
        _GRAMMAR,
        parser="lalr",
        lexer="basic",
        start=["expression", "assignments"],
    )


def parse_condition(command: str, source: str, moment: Moment) -> Evaluate:
    """Return a condition. Raises `SplSyntaxError` where it cannot be read, or is not true or false."""
    expression = _compile(_parse(command, source, "expression"), moment)
    if not expression.is_boolean:
        raise SplSyntaxError(f"{command}: {source!r} is a value, not a condition: compare it with something")
    return expression.evaluate


def parse_value(command: str, source: str, moment: Moment) -> Expression:
    """Return an expression of either kind. Raises `SplSyntaxError` where it cannot be read."""
    return _compile(_parse(command, source, "expression"), moment)


def parse_assignments(source: str, moment: Moment) -> List[Tuple[str, Evaluate]]:
    """Return the assignments of ``eval`` in order: (field, expression)."""
    assignments = []
    for tree in _parse("eval", source, "assignments").children:
        target, body = tree.children
        name = _field_name(target.children[0])
        expression = _compile(body, moment)
        if expression.is_boolean:
            raise SplSyntaxError(
                f'eval: {name} would be true or false, which a field cannot be: write {name}=if(..., "true", "false")'
            )
        assignments.append((name, expression.evaluate))
    return assignments


def _parse(command: str, source: str, start: str) -> Any:
    try:
        return _parser().parse(source, start=start)
    except UnexpectedInput as exc:
        raise SplSyntaxError(f"{command}: {_mistake(exc, source)}") from None


def _mistake(exc: UnexpectedInput, source: str) -> str:
    position = exc.pos_in_stream if exc.pos_in_stream is not None else len(source)
    position = len(source) if position < 0 else position
    place = f"at {source[position : position + 30]!r}" if position < len(source) else "at the end"
    if isinstance(exc, UnexpectedToken):
        token = exc.token
        if token.upper() in ("AND", "OR", "NOT", "IN", "LIKE", "XOR") and not token.isupper():
            return f"write {token.upper()} in capitals, {place}"
        if token.type in ("PLUS", "MINUS", "MULTIPLY", "DOT"):
            return f"put parentheses around what {token!s} belongs to, {place}: Splunk's manual has no order for it"
    return f"the expression cannot be read {place}: {source[:80]!r}"


def _field_name(token: Any) -> str:
    if token.type == "DOTTED":
        raise SplSyntaxError(
            f"the field {token!s} needs single quotes here: '{token!s}'. Without them SPL puts several fields together"
        )
    return str(token)[1:-1] if token.type == "FIELD" else str(token)


def _compile(tree: Any, moment: Moment) -> Expression:
    return _Compiler(moment).compile(tree)


class _Compiler:
    def __init__(self, moment: Moment) -> None:
        self._moment = moment

    def compile(self, tree: Any) -> Expression:
        return getattr(self, "_" + tree.data.strip("_"))(*tree.children)

    def _boolean(self, tree: Any, sign: str) -> Evaluate:
        expression = self.compile(tree)
        if not expression.is_boolean:
            raise SplSyntaxError(f"{sign} needs a condition on both sides, not a value")
        return expression.evaluate

    def _value(self, tree: Any, sign: str) -> Evaluate:
        expression = self.compile(tree)
        if expression.is_boolean:
            raise SplSyntaxError(f"{sign} needs values, not conditions: put the condition into if(...)")
        return expression.evaluate

    def _or(self, left: Any, right: Any) -> Expression:
        one, other = self._boolean(left, "OR"), self._boolean(right, "OR")

        def evaluate(row: Row) -> Optional[bool]:
            first = one(row)
            if first:
                return True
            second = other(row)
            if second:
                return True
            return None if first is None or second is None else False

        return Expression(evaluate, True)

    def _and(self, left: Any, right: Any) -> Expression:
        one, other = self._boolean(left, "AND"), self._boolean(right, "AND")

        def evaluate(row: Row) -> Optional[bool]:
            first = one(row)
            if first is False:
                return False
            second = other(row)
            if second is False:
                return False
            return None if first is None or second is None else True

        return Expression(evaluate, True)

    def _not(self, operand: Any) -> Expression:
        inner = self._boolean(operand, "NOT")

        def evaluate(row: Row) -> bool:
            found = inner(row)
            if found is None:
                raise Unverified(
                    "NOT of a comparison with a field that has no value: Splunk's manual does not say what that is. "
                    "Ask for isnull() or isnotnull() first, or use coalesce()"
                )
            return not found

        return Expression(evaluate, True)

    def _compare(self, left: Any, sign: Any, right: Any) -> Expression:
        one, other, test = self._value(left, sign), self._value(right, sign), _TESTS[str(sign)]

        def evaluate(row: Row) -> Optional[bool]:
            first, second = one(row), other(row)
            if first is None or second is None:
                return None
            if isinstance(first, list) or isinstance(second, list):
                raise _several(str(sign))
            return test(values.compare(first, second))

        return Expression(evaluate, True)

    def _equals(self, left: Any, right: Any) -> Expression:
        return self._compare(left, "=", right)

    def _like(self, operand: Any, pattern: Any) -> Expression:
        return functions.call("like", [self.compile(operand), self.compile(pattern)], self._moment)

    def _in(self, *operands: Any) -> Expression:
        return functions.call("in", [self.compile(operand) for operand in operands], self._moment)

    def _group(self, inner: Any) -> Expression:
        return self.compile(inner)

    def _concatenation(self, left: Any, right: Any) -> Expression:
        one, other = self._value(left, "."), self._value(right, ".")

        def evaluate(row: Row) -> Optional[str]:
            first, second = one(row), other(row)
            if first is None or second is None:
                return None
            if isinstance(first, list) or isinstance(second, list):
                raise _several(".")
            return values.text(first) + values.text(second)

        return Expression(evaluate, False)

    def _arithmetic(self, left: Any, sign: Any, right: Any) -> Expression:
        one, other, compute = self._value(left, sign), self._value(right, sign), _ARITHMETIC[str(sign)]

        def evaluate(row: Row) -> Optional[Value]:
            first, second = one(row), other(row)
            if first is None or second is None:
                return None
            if isinstance(first, list) or isinstance(second, list):
                raise _several(str(sign))
            first_number, second_number = values.number(first), values.number(second)
            if first_number is None or second_number is None:
                if sign == "+" and first_number is None and second_number is None:
                    return values.text(first) + values.text(second)
                raise Unverified(f"{first!r} {sign} {second!r}: that is no arithmetic. Use tonumber(), or . for texts")
            return compute(first_number, second_number)

        return Expression(evaluate, False)

    def _negative(self, sign: Any, operand: Any) -> Expression:
        inner = self._value(operand, "-")

        def evaluate(row: Row) -> Optional[Value]:
            found = inner(row)
            if found is None:
                return None
            number = values.number(found)
            if number is None:
                raise Unverified(f"-{found!r} is no arithmetic")
            return -number

        return Expression(evaluate, False)

    def _number(self, token: Any) -> Expression:
        constant = values.number(str(token))
        return Expression(Constant(constant), False)

    def _text(self, token: Any) -> Expression:
        return Expression(Constant(unquote(str(token))), False)

    def _field(self, token: Any) -> Expression:
        name = _field_name(token)
        if token.type == "NAME" and name.lower() in ("true", "false", "null"):
            raise SplSyntaxError(f"write {name.lower()}(), with parentheses")
        return Expression(Field(name), False)

    def _dotted(self, token: Any) -> Expression:
        return self._field(token)

    def _call(self, name: Any, *arguments: Any) -> Expression:
        given = [self.compile(argument) for argument in arguments if argument is not None]
        if name == "mvfilter" and len(given) == 1:
            named = {_field_name(node.children[0]) for node in arguments[0].iter_subtrees() if node.data == "field"}
            return functions.each_value(given[0], sorted(named))
        return functions.call(str(name), given, self._moment)


_TESTS: dict[str, Callable[[int], bool]] = {
    "=": lambda sign: sign == 0,
    "==": lambda sign: sign == 0,
    "!=": lambda sign: sign != 0,
    "<": lambda sign: sign < 0,
    "<=": lambda sign: sign <= 0,
    ">": lambda sign: sign > 0,
    ">=": lambda sign: sign >= 0,
}


def _divide(left: Any, right: Any) -> Any:
    if right == 0:
        raise Unverified("a division by zero: Splunk's manual does not say what that is. Test the divisor first")
    return left / right


def _remainder(left: Any, right: Any) -> Any:
    if right == 0 or left < 0 or right < 0:
        raise Unverified(f"{left} % {right}: Splunk's manual does not say what that is")
    return left % right


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _divide,
    "%": _remainder,
}


def _several(sign: str) -> SplRunError:
    return Unverified(
        f"{sign} on a field with several values: Splunk's manual does not say what that is. Take one with mvindex(), "
        "or use mvfind(), mvfilter() or mvexpand"
    )
