"""Functions of ``eval`` and ``where``, after the evaluation functions of Splunk's Search Reference.

A function is a row of `FUNCTIONS`: how many arguments, which of them are conditions, and what builds it. Most are
`_plain`: called with the values, with null as the answer where an argument is null. One that is given several values
where the manual speaks of one is `Unverified`.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any, Callable, Dict, List, Optional, Pattern, Sequence, Tuple
from urllib.parse import unquote

from es_bridge import times
from es_bridge.errors import TimeError
from savedsearches.runner import values
from savedsearches.runner.compiled import Constant, Evaluate, Expression
from savedsearches.runner.errors import SplSyntaxError, Unverified
from savedsearches.runner.moment import Moment
from savedsearches.runner.paths import value_at
from savedsearches.runner.time_text import format_time, parse_time_text
from savedsearches.runner.values import Row, Value

Build = Callable[[List[Evaluate], Moment], Evaluate]
MANY = 10_000


@dataclass(frozen=True)
class Function:
    """How many arguments it takes, what builds it, and which arguments are true or false instead of values."""

    least: int
    most: int
    build: Build
    is_boolean: bool = False
    #: Positions of conditions among the arguments, counted from 0.
    conditions: Tuple[int, ...] = ()
    #: Conditions and values in turn, as ``case()`` has them.
    pairs: bool = False
    #: Takes conditions and values alike.
    either: bool = False


def call(name: str, arguments: Sequence[Expression], moment: Moment) -> Expression:
    """Return a call. Raises `SplSyntaxError` for an unknown function, and for arguments it does not take."""
    function = FUNCTIONS.get(name)
    if function is None:
        lower = name.lower()
        raise SplSyntaxError(
            f"write {lower}(): names of functions are in lower case"
            if lower in FUNCTIONS
            else f"the function {name}() is not in the runner's subset of SPL"
        )
    if not function.least <= len(arguments) <= function.most:
        raise SplSyntaxError(f"{name}() does not take {len(arguments)} arguments")
    if function.pairs and len(arguments) % 2:
        raise SplSyntaxError(f"{name}() takes pairs: a condition and a value")
    for position, argument in enumerate(arguments):
        is_condition = position % 2 == 0 if function.pairs else position in function.conditions
        if is_condition != argument.is_boolean and not function.either:
            kind = "a condition" if is_condition else "a value"
            raise SplSyntaxError(f"argument {position + 1} of {name}() has to be {kind}")
    return Expression(function.build([argument.evaluate for argument in arguments], moment), function.is_boolean)


def pattern(text: str) -> Pattern[str]:
    """Return a regular expression as SPL writes it. Raises `SplSyntaxError` where it cannot be read."""
    try:
        return _pattern(text)
    except re.error as exc:
        raise SplSyntaxError(f"the regular expression {text!r} cannot be read: {exc}") from None


@lru_cache(maxsize=256)
def _pattern(text: str) -> Pattern[str]:
    return re.compile(re.sub(r"\(\?<(?![=!])", "(?P<", text))


@lru_cache(maxsize=1024)
def network(text: str) -> Any:
    """Return a network of addresses. Raises `SplSyntaxError` for any other text."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise SplSyntaxError(f"{text!r} is no network such as 10.0.0.0/8") from None


def in_network(network_text: str, address: str) -> bool:
    """Return whether an address is in a network; text that is no address is in none."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    wanted = network(network_text)
    return parsed.version == wanted.version and parsed in wanted


def like(text: str, wanted: str) -> bool:
    """Return whether a text fits a pattern with ``%`` for any characters and ``_`` for one."""
    return bool(_like(wanted).fullmatch(text))


@lru_cache(maxsize=256)
def _like(wanted: str) -> Pattern[str]:
    signs = {"%": ".*", "_": "."}
    return re.compile("".join(signs.get(character, re.escape(character)) for character in wanted), re.DOTALL)


def _one(value: Any) -> Any:
    if isinstance(value, list):
        raise Unverified(
            "a field with several values is given to a function for one: Splunk's manual does not say what that is. "
            "Take one with mvindex(), or use mvfind(), mvfilter() or mvexpand"
        )
    return value


def _plain(function: Callable[..., Any]) -> Build:
    """Call with single values; null where one of them is null."""

    def build(arguments: List[Evaluate], moment: Moment) -> Evaluate:
        def evaluate(row: Row) -> Any:
            given = [_one(argument(row)) for argument in arguments]
            return None if any(value is None for value in given) else function(*given)

        return evaluate

    return build


def _text(function: Callable[..., Any]) -> Build:
    """Call with texts; null where one of them is null."""
    return _plain(lambda *given: function(*(values.text(value) for value in given)))


def _numeric(function: Callable[..., Any]) -> Build:
    """Call with numbers; null where one is null, an error where one is none."""
    return _plain(lambda *given: function(*(_number(value) for value in given)))


def _number(value: Value) -> Any:
    found = values.number(value)
    if found is None:
        raise Unverified(f"{value!r} is given where a number is needed. Use tonumber(), which gives null for it")
    return found


def _many(function: Callable[..., Any]) -> Build:
    """Call with the list of texts of the first argument; null where it has no value."""

    def build(arguments: List[Evaluate], moment: Moment) -> Evaluate:
        first, others = arguments[0], arguments[1:]

        def evaluate(row: Row) -> Any:
            found = values.texts(first(row))
            given = [_one(other(row)) for other in others]
            if not found or any(value is None for value in given):
                return None
            return function(found, *given)

        return evaluate

    return build


def _if(arguments: List[Evaluate], moment: Moment) -> Evaluate:
    condition, yes, no = arguments
    return lambda row: yes(row) if condition(row) else no(row)


def _first(is_true: bool) -> Callable[[List[Evaluate], Moment], Evaluate]:
    """Return what takes the value of the first condition that is true, or of the first that is not."""

    def build(arguments: List[Evaluate], moment: Moment) -> Evaluate:
        pairs = list(zip(arguments[::2], arguments[1::2]))

        def evaluate(row: Row) -> Any:
            for condition, value in pairs:
                if bool(condition(row)) is is_true:
                    return value(row)
            return None

        return evaluate

    return build


def _coalesce(arguments: List[Evaluate], moment: Moment) -> Evaluate:
    def evaluate(row: Row) -> Any:
        for argument in arguments:
            found = argument(row)
            if found is not None:
                return found
        return None

    return evaluate


def _isnull(arguments: List[Evaluate], moment: Moment) -> Evaluate:
    return lambda row: arguments[0](row) is None


def _isnotnull(arguments: List[Evaluate], moment: Moment) -> Evaluate:
    return lambda row: arguments[0](row) is not None


def _nullif(arguments: List[Evaluate], moment: Moment) -> Evaluate:
    def evaluate(row: Row) -> Any:
        first, second = _one(arguments[0](row)), _one(arguments[1](row))
        if first is None or second is None:
            return first
        return None if values.compare(first, second) == 0 else first

    return evaluate


def _in(arguments: List[Evaluate], moment: Moment) -> Evaluate:
    first, others = arguments[0], arguments[1:]

    def evaluate(row: Row) -> Optional[bool]:
        found = _one(first(row))
        if found is None:
            return None
        wanted = [_one(other(row)) for other in others]
        return any(value is not None and values.compare(found, value) == 0 for value in wanted)

    return evaluate


def _cidrmatch(arguments: List[Evaluate], moment: Moment) -> Evaluate:
    if isinstance(arguments[0], Constant):
        network(values.text(arguments[0].value))  # a mistake is found before the first row
    return _text(in_network)(arguments, moment)


def _match(arguments: List[Evaluate], moment: Moment) -> Evaluate:
    if isinstance(arguments[1], Constant):
        pattern(values.text(arguments[1].value))
    return _text(lambda text, wanted: bool(pattern(wanted).search(text)))(arguments, moment)


def _replace(text: str, wanted: str, by: str) -> str:
    def put(match: Any) -> str:
        return re.sub(r"\\([0-9])", lambda group: match.group(int(group.group(1))) or "", by)

    return pattern(wanted).sub(put, text)


def _substr(text: Value, start: Value, length: Optional[Value] = None) -> str:
    whole = values.text(text)
    first = int(_number(start))
    if first == 0:
        raise Unverified("substr() counts from 1: Splunk's manual does not say what 0 is")
    begin = first - 1 if first > 0 else max(0, len(whole) + first)
    end = len(whole) if length is None else begin + int(_number(length))
    return whole[begin:end]


def _round(number: Any, digits: Any = 0) -> Any:
    rounded = Decimal(repr(number)).quantize(Decimal(1).scaleb(-int(digits)), ROUND_HALF_UP)
    return int(rounded) if int(digits) <= 0 else float(rounded)


def _tonumber(text: Value, base: Value = 10) -> Any:
    if int(_number(base)) == 10:
        return values.number(text)
    try:
        return int(values.text(text), int(_number(base)))
    except ValueError:
        return None


def _tostring(value: Value, form: Optional[Value] = None) -> str:
    if isinstance(value, bool) or form is None:
        return values.text(value)
    number = _number(value)
    if form == "hex":
        return f"0x{int(number):X}"
    if form == "commas":
        return f"{number:,.2f}" if isinstance(number, float) and number != int(number) else f"{int(number):,}"
    if form == "duration":
        days, rest = divmod(int(number), 86400)
        clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
        return f"{days}+{clock}" if days else clock
    raise SplSyntaxError(f"tostring(): {form!r} is not one of hex, commas, duration")


def _largest(pick: Callable[[Any], Any]) -> Build:
    def build(arguments: List[Evaluate], moment: Moment) -> Evaluate:
        def evaluate(row: Row) -> Any:
            found = [_one(argument(row)) for argument in arguments]
            return pick([_number(value) for value in found if value is not None] or [None])

        return evaluate

    return build


def _relative_time(arguments: List[Evaluate], moment: Moment) -> Evaluate:
    def shift(instant: Value, modifier: Value) -> float:
        now_ms = round(_number(instant) * 1000)
        try:
            found = times.parse_time(values.text(modifier), now_ms=now_ms, zone=moment.zone)
        except TimeError as exc:
            raise SplSyntaxError(f"relative_time(): {exc}") from None
        if found is None:
            raise SplSyntaxError(f"relative_time(): {modifier!r} is no relative time such as -1d@d")
        return found // 1000 if found % 1000 == 0 else found / 1000

    return _plain(shift)(arguments, moment)


def _strftime(arguments: List[Evaluate], moment: Moment) -> Evaluate:
    return _plain(lambda instant, form: format_time(moment.local(_number(instant)), values.text(form)))(
        arguments, moment
    )


def _strptime(arguments: List[Evaluate], moment: Moment) -> Evaluate:
    return _text(lambda text, form: parse_time_text(text, form, moment.zone))(arguments, moment)


def _now(arguments: List[Evaluate], moment: Moment) -> Evaluate:
    return Constant(int(moment.now_s))


def _mvcount(arguments: List[Evaluate], moment: Moment) -> Evaluate:
    return lambda row: len(values.texts(arguments[0](row))) or None


def _mvindex(found: List[str], first: Value, last: Optional[Value] = None) -> Optional[Value]:
    start = int(_number(first))
    end = start if last is None else int(_number(last))
    count = len(found)
    start = start + count if start < 0 else start
    end = end + count if end < 0 else end
    if not 0 <= start < count or end < start:
        return None
    return values.single(found[start : end + 1])


def _mvfind(found: List[str], wanted: Value) -> Optional[int]:
    expression = pattern(values.text(wanted))
    return next((position for position, text in enumerate(found) if expression.search(text)), None)


def _mvappend(arguments: List[Evaluate], moment: Moment) -> Evaluate:
    return lambda row: values.single([text for argument in arguments for text in values.texts(argument(row))])


def _mvzip(arguments: List[Evaluate], moment: Moment) -> Evaluate:
    def evaluate(row: Row) -> Optional[Value]:
        left, right = values.texts(arguments[0](row)), values.texts(arguments[1](row))
        between = values.text(arguments[2](row)) if len(arguments) > 2 else ","
        return values.single([f"{one}{between}{other}" for one, other in zip(left, right)])

    return evaluate


def _mvrange(start: Any, end: Any, step: Any = 1) -> Optional[Value]:
    found: List[str] = []
    current = start
    while current < end and len(found) <= MANY:
        found.append(values.text(current))
        current += step
    return values.single(found)


def _dedup(found: List[str]) -> Optional[Value]:
    return values.single(list(dict.fromkeys(found)))


def _split(text: Value, between: Value) -> Optional[Value]:
    mark = values.text(between)
    return values.single(list(values.text(text)) if mark == "" else values.text(text).split(mark))


def _strip(side: str) -> Callable[..., str]:
    def strip(text: Value, characters: Value = " \t") -> str:
        return getattr(values.text(text), side)(values.text(characters))

    return strip


def _hash(name: str) -> Build:
    return _text(lambda text: hashlib.new(name, text.encode()).hexdigest())


def _logarithm(number: Any, base: Any = 10) -> float:
    if number <= 0 or base <= 0 or base == 1:
        raise Unverified(f"log({number}, {base}) is not defined")
    return math.log10(number) if base == 10 else math.log(number, base)


def _ln(number: Any) -> float:
    if number <= 0:
        raise Unverified(f"ln({number}) is not defined")
    return math.log(number)


def _spath(arguments: List[Evaluate], moment: Moment) -> Evaluate:
    return _text(lambda text, path: value_at(text, path))(arguments, moment)


def _isnum(arguments: List[Evaluate], moment: Moment) -> Evaluate:
    return lambda row: values.number(arguments[0](row)) is not None


def _constant(value: Any) -> Build:
    return lambda arguments, moment: Constant(value)


FUNCTIONS: Dict[str, Function] = {
    "abs": Function(1, 1, _numeric(abs)),
    "case": Function(2, 200, _first(is_true=True), pairs=True),
    "ceiling": Function(1, 1, _numeric(math.ceil)),
    "ceil": Function(1, 1, _numeric(math.ceil)),
    "cidrmatch": Function(2, 2, _cidrmatch, is_boolean=True),
    "coalesce": Function(1, 200, _coalesce),
    "exp": Function(1, 1, _numeric(math.exp)),
    "false": Function(0, 0, _constant(False), is_boolean=True),
    "floor": Function(1, 1, _numeric(math.floor)),
    "if": Function(3, 3, _if, conditions=(0,)),
    "in": Function(2, 1000, _in, is_boolean=True),
    "isnotnull": Function(1, 1, _isnotnull, is_boolean=True),
    "isnull": Function(1, 1, _isnull, is_boolean=True),
    "isnum": Function(1, 1, _isnum, is_boolean=True),
    "len": Function(1, 1, _text(len)),
    "like": Function(2, 2, _text(like), is_boolean=True),
    "ln": Function(1, 1, _numeric(_ln)),
    "log": Function(1, 2, _numeric(_logarithm)),
    "lower": Function(1, 1, _text(str.lower)),
    "ltrim": Function(1, 2, _plain(_strip("lstrip"))),
    "match": Function(2, 2, _match, is_boolean=True),
    "max": Function(1, 200, _largest(max)),
    "md5": Function(1, 1, _hash("md5")),
    "min": Function(1, 200, _largest(min)),
    "mvappend": Function(1, 200, _mvappend),
    "mvcount": Function(1, 1, _mvcount),
    "mvdedup": Function(1, 1, _many(_dedup)),
    "mvfind": Function(2, 2, _many(_mvfind)),
    "mvindex": Function(2, 3, _many(_mvindex)),
    "mvjoin": Function(2, 2, _many(lambda found, between: values.text(between).join(found))),
    "mvrange": Function(2, 3, _numeric(_mvrange)),
    "mvsort": Function(1, 1, _many(lambda found: values.single(sorted(found)))),
    "mvzip": Function(2, 3, _mvzip),
    "now": Function(0, 0, _now),
    "null": Function(0, 0, _constant(None)),
    "nullif": Function(2, 2, _nullif),
    "pi": Function(0, 0, _constant(math.pi)),
    "pow": Function(2, 2, _numeric(pow)),
    "relative_time": Function(2, 2, _relative_time),
    "replace": Function(3, 3, _text(_replace)),
    "round": Function(1, 2, _numeric(_round)),
    "rtrim": Function(1, 2, _plain(_strip("rstrip"))),
    "sha1": Function(1, 1, _hash("sha1")),
    "sha256": Function(1, 1, _hash("sha256")),
    "spath": Function(2, 2, _spath),
    "split": Function(2, 2, _plain(_split)),
    "sqrt": Function(1, 1, _numeric(math.sqrt)),
    "strftime": Function(2, 2, _strftime),
    "strptime": Function(2, 2, _strptime),
    "substr": Function(2, 3, _plain(_substr)),
    "tonumber": Function(1, 2, _plain(_tonumber)),
    "tostring": Function(1, 2, _plain(_tostring), either=True),
    "trim": Function(1, 2, _plain(_strip("strip"))),
    "true": Function(0, 0, _constant(True), is_boolean=True),
    "upper": Function(1, 1, _text(str.upper)),
    "urldecode": Function(1, 1, _text(unquote)),
    "validate": Function(2, 200, _first(is_true=False), pairs=True),
}


def each_value(condition: Expression, names: Sequence[str]) -> Expression:
    """Return ``mvfilter()``: the values of the one field that its condition names, for which the condition is true."""
    if not condition.is_boolean:
        raise SplSyntaxError("mvfilter() takes a condition")
    if len(names) != 1:
        raise SplSyntaxError("the condition of mvfilter() names exactly one field")
    (name,) = names

    def evaluate(row: Row) -> Optional[Value]:
        kept = [text for text in values.texts(row.get(name)) if condition.evaluate({**row, name: text})]
        return values.single(kept)

    return Expression(evaluate, False)
