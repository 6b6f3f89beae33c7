"""Which parts of a query can match nothing: a search that finds nothing for that reason must not look like a quiet day.

The engine is asked to explain the user's clauses for the indices that hold documents of the time range (`explanation`),
beside the other requests of a search; names are then looked up with ``_field_caps``. What it says becomes warnings, and
an error where no index can hold a value. The text of a query is never parsed here.

A clause of ``dsl=`` on a field that is not there loses the field's name, and that of its neighbours, before the engine
explains it. So every leaf of ``dsl=`` is explained beside the others, and its field taken from the JSON.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from es_bridge.errors import Aborted, BridgeError, QueryError
from es_bridge.explanation import Explanation, Term, is_network, may_hide_marker, read, relation, without_marker
from es_bridge.field_names import ancestors, in_text, nearest
from es_bridge.field_types import BOUNDS, INDEXED_OBJECTS, OBJECTS, FieldTypes, paths
from es_bridge.index_access import IndexAccess
from es_bridge.query import Clause, SearchRequest, leaves, query_texts, range_clause, user_clauses
from es_bridge.transport import Transport

#: Most indices that are looked at; the newest, by the dates in their names.
MOST_INDICES = 50
#: Default ``indices.query.bool.max_clause_count``.
_MOST_LEAVES = 1000
#: Texts that one search says of its query.
_MOST_TEXTS = 10
#: Members looked up when a search found nothing.
_MOST_MEMBERS = 100
#: Options that stand where a leaf has its field.
_OPTIONS = frozenset(("boost", "_name", "case_insensitive", "minimum_should_match"))
# fmt: off
_KEYED = frozenset((
    "match", "match_phrase", "match_phrase_prefix", "match_bool_prefix", "term", "terms", "terms_set", "range",
    "prefix", "wildcard", "regexp", "fuzzy", "intervals", "span_term",
))
# fmt: on
_HALF_A_RANGE = re.compile(
    r"(?<!ConstantScore\()IndexOrDocValuesQuery\(indexQuery=([^\s()]+)\._valueAndPath:AutomatonQuery "
)
_DATES = re.compile(r"(\d{4})[-._]?(\d{2})(?:[-._]?(\d{2}))?(?!\d)")
UNDER_NOT = "(below a NOT: every event)"


@dataclass
class Verdict:
    """What is to be said of a query. ``members``: members of indexed objects that it asks for, as full names."""

    errors: List[str] = field(default_factory=list)
    warnings: List[str] = field(default_factory=list)
    notes: List[str] = field(default_factory=list)
    members: List[str] = field(default_factory=list)
    #: Why the query was not looked at; ``""``: it was.
    unchecked: str = ""


class FieldCheck:
    """Asks the engine about one search's query. `start` it, then `collect` what it says."""

    def __init__(self, transport: Transport, request: SearchRequest, access: IndexAccess) -> None:
        self._transport = transport
        self._request = request
        self._access = access
        self._asked: Optional[Future[Verdict]] = None
        self._said = False
        self._verdict: Optional[Verdict] = None

    @property
    def outcome(self) -> Optional[str]:
        """What the audit line says: ``unchecked``, how many things were said, or nothing."""
        if self._verdict is None:
            return None
        if self._verdict.unchecked:
            return "unchecked"
        found = len(self._verdict.errors) + len(self._verdict.warnings)
        return str(found) if found else None

    def start(self, pool: Executor, indices: Sequence[str]) -> None:
        """Ask in a thread of ``pool`` about ``indices``, the concrete ones of the request."""
        if self._request.unknown_fields == "ignore" or not user_clauses(self._request):
            return
        self._asked = pool.submit(self._look, list(indices))

    def collect(self, wait: bool) -> Verdict:
        """Return what is new to be said, once; an empty verdict while the answer is awaited and ``wait`` is false.

        Raises `QueryError` for a value that no index can hold, and for anything at all with ``unknown_fields=fail``.
        """
        if self._said or self._asked is None or not (wait or self._asked.done()):
            return Verdict()
        self._said = True
        self._verdict = verdict = self._asked.result()
        if verdict.errors:
            raise QueryError(". ".join(verdict.errors[:3]))
        if self._request.unknown_fields == "fail":
            if verdict.unchecked:
                raise QueryError(f"{verdict.unchecked}, and unknown_fields=fail asks for certainty")
            if verdict.warnings:
                raise QueryError(". ".join(verdict.warnings[:3]) + " (unknown_fields=fail)")
        if verdict.unchecked:
            verdict.notes.append(f"{verdict.unchecked}. A misspelt field would look like a quiet day")
        return verdict

    def about_members(self, time_field: str, found_some: bool) -> List[str]:
        """Return warnings for a search that has ended: members of indexed objects that no document has.

        The engines do not report such a name. One request, where the search found nothing, or where a part that matches
        nothing may have let everything through. Raises `QueryError` with ``unknown_fields=fail``.
        """
        verdict, request = self._verdict, self._request
        members = verdict.members if verdict else []
        if verdict is None or not members or (found_some and not may_negate(request)):
            return []
        # Not exists: OpenSearch 2.19 finds nothing below the first level with it, with a prefix it does.
        filters = {name: {"prefix": {name: ""}} for name in members}
        body = {
            "size": 0,
            "track_total_hits": False,
            "query": {"bool": {"filter": range_clause(time_field, request.earliest_ms, request.latest_ms)}},
            "aggs": {"members": {"filters": {"filters": filters}}},
        }
        try:
            params = {"allow_partial_search_results": False}
            reply = self._transport.request("POST", (request.index, "_search"), params, body, **BOUNDS).json()
            buckets = reply["aggregations"]["members"]["buckets"]
            missing = [name for name in members if not buckets[name]["doc_count"]]
        except Aborted:
            raise
        except (BridgeError, LookupError, TypeError, AttributeError):
            return []
        texts = [
            f"no event of the range has a value under {name!r}, so the query can match nothing there. Check the name "
            "in an event: case counts, and of an object only its members have values"
            for name in missing
        ]
        if texts and request.unknown_fields == "fail":
            raise QueryError(". ".join(texts[:3]) + " (unknown_fields=fail)")
        verdict.warnings += texts
        return texts

    def _look(self, indices: List[str]) -> Verdict:
        try:
            return _Look(self._transport, self._request, self._access).verdict(indices)
        except Aborted:
            raise
        except BridgeError as exc:
            return Verdict(unchecked=f"the fields of the query were not checked: {_why(self._access.shown(exc))}")
        except (LookupError, TypeError, ValueError, AttributeError):  # a reply of another shape
            return Verdict(unchecked="the fields of the query were not checked: the cluster's answer is not understood")


class _Look:
    """One look at a query."""

    def __init__(self, transport: Transport, request: SearchRequest, access: IndexAccess) -> None:
        self._transport = transport
        self._request = request
        self._access = access
        self._leaves = [leaf for clause in user_clauses(request) for leaf in leaves(clause)][:_MOST_LEAVES]
        self._texts = [text for leaf in self._leaves for text in query_texts(leaf)]
        self._named = list(dict.fromkeys(name for leaf in self._leaves for name in named_fields(leaf)))
        self._field_types = FieldTypes(transport, request)
        self._said = Verdict()

    def verdict(self, indices: List[str]) -> Verdict:
        said = self._said
        here = [name for name in indices if ":" not in name]
        if not here:
            said.unchecked = "the fields of the query were not checked: " + (
                "indices of remote clusters cannot be asked" if indices else "the account may not list the indices"
            )
            return said
        if any(map(may_hide_marker, _all_texts([_masked(leaf) for leaf in self._leaves]))):
            said.unchecked = "the fields of the query were not checked: a value in it reads like the engine's own words"
            return said
        in_range: Optional[List[str]] = None
        if len(here) > MOST_INDICES:
            in_range = self._field_types.in_range(here) or here
            if len(in_range) > MOST_INDICES:
                said.notes.append(
                    f"the fields of the query were checked in the {MOST_INDICES} newest of {len(in_range)} indices "
                    "with events of the range"
                )
            here = in_range = newest(in_range)
        explained = self._explain(here)
        if not explained:
            said.unchecked = "the fields of the query were not checked: the cluster does not explain it"
            return said
        if not self._is_suspect(explained):
            return said
        if in_range is None:
            with_events = set(self._field_types.in_range(here) or here)
            explained = {name: text for name, text in explained.items() if name in with_events} or explained
        self._judge(explained)
        more = len(said.warnings) - _MOST_TEXTS
        if more > 0:
            said.warnings[_MOST_TEXTS:] = [f"{more} more parts of the query can match nothing; mend these first"]
        return said

    def _explain(self, indices: List[str]) -> Dict[str, Explanation]:
        clauses = [_masked(leaf) for leaf in self._leaves]
        # Side by side below "should": in a filter, one that can match nothing would hide the others.
        query = clauses[0] if len(clauses) == 1 else {"bool": {"should": clauses}}
        found: Dict[str, Explanation] = {}
        read_once: Dict[str, Explanation] = {}
        params = {"explain": True, "rewrite": False, "ignore_unavailable": True}
        for path in paths(indices):
            reply = self._transport.request(
                "POST",
                (path, "_validate", "query"),
                params,
                {"query": query},
                **BOUNDS,
            ).json()
            for entry in reply.get("explanations") or []:
                text, index = entry.get("explanation"), entry.get("index")
                if isinstance(text, str) and isinstance(index, str) and self._access.may_tell_of(index):
                    if text not in read_once:
                        read_once[text] = read(text)
                    found[index] = read_once[text]
        return found

    def _is_suspect(self, explained: Mapping[str, Explanation]) -> bool:
        """Whether a closer look is worth further requests."""
        if self._named:
            return True
        for explanation in set(explained.values()):
            if explanation.failures or "ConstantScore()" in explanation.rest or "_field_names:" in explanation.rest:
                return True
            if "._valueAndPath:" in explanation.rest or "._keyed:" in explanation.rest:
                return True
            for term in explanation.terms():
                if is_network(term.text) or relation(term.text)[1] or re.search(r"[*?/~]", term.text):
                    return True
                if "." in term.text and term.text.startswith(term.field + "."):
                    return True
        return False

    def _judge(self, explained: Mapping[str, Explanation]) -> None:
        indices = list(explained)
        failures: Dict[Tuple[str, str, str], List[str]] = {}
        for index, explanation in explained.items():
            for failure in explanation.failures:
                failures.setdefault((failure.kind, failure.name, failure.reason), []).append(index)
        unmapped = [name for kind, name, _ in failures if kind == "unmapped" and name]
        guesses = list(dict.fromkeys(name for text in self._texts for name in in_text(text)))
        empty = any("ConstantScore()" in explanation.rest for explanation in explained.values())
        terms = list(dict.fromkeys(term for explanation in set(explained.values()) for term in explanation.terms()))
        related = [name for name, sign in (relation(term.text) for term in terms) if sign and name]
        asked = [term.field for term in terms if not term.is_word or is_network(term.text)]
        looked_up = [*unmapped, *self._named, *guesses, *related, *asked]
        types = self._field_types.of([name for name in dict.fromkeys(looked_up) if not name.startswith("_")], indices)
        # A pattern on a field that is not there is reported by the pattern's text, fields= by nothing.
        sure = [name for name in unmapped if name in guesses or name in self._named or not types.get(name)]
        is_unclear = empty or any(
            kind in ("unmapped", "nameless") and (not name or name not in guesses) for kind, name, _ in failures
        )
        named = [name for name in self._named if not name.startswith("_")]
        doubtful = [name for name in guesses if not name.startswith("_")] if is_unclear else []
        candidates = list(dict.fromkeys([*named, *doubtful, *(n for n in sure if n in guesses or n in self._named)]))
        for name in candidates:
            parent = name[:-2] if name.endswith(".*") else ""
            if parent and self._is_object(parent, types):
                self._warn(*_no_member(parent))
        lacking = {name: self._lacking(name, name in sure, types, indices) for name in candidates}
        self._unmapped({name: where for name, where in lacking.items() if where}, indices)
        named_any = any(len(where) == len(indices) for where in lacking.values()) or self._said.warnings
        if not named_any:
            # A pattern for names may lead to fields that no document has: Elasticsearch calls that unmapped, too.
            self._unnamed(failures, len(indices), empty, {name for name in guesses if "*" in name and name in types})
        self._failed(failures, lacking, types, indices)
        self._not_indexed(failures, explained, types)
        self._mistaken_terms(terms, types, indices)
        self._objects(explained, types)

    # -- what is said ------------------------------------------------------------------------------------------------

    def _unmapped(self, lacking: Mapping[str, List[str]], indices: List[str]) -> None:
        if not lacking:
            return
        stored = self._field_types.stored(lacking)
        if stored is None:
            self._said.notes.append(
                "the account may not read mappings, so it is not told which indices store a field without indexing it"
            )
            stored = {}
        for name, where in lacking.items():
            kept = stored.get(name, [])
            if len(where) == len(indices):
                if len(kept) == len(indices):
                    what = f"{name!r} is stored but not indexed in {_some(kept)}"
                elif kept:
                    what = f"no index with events of the range has a searchable field {name!r}; {_some(kept)} store it"
                else:
                    what = f"no index with events of the range has a field {name!r} ({_some(where)})"
                self._warn(
                    f"{what}: this part of the query finds nothing {UNDER_NOT}",
                    self._instead(name, indices, is_spelt_right=bool(kept)),
                )
            elif kept:
                self._warn(
                    f"{name!r} is stored but not indexed in {_some(kept)}: this part of the query finds nothing there "
                    f"{UNDER_NOT}",
                    self._instead(name, indices, is_spelt_right=True),
                )

    def _unnamed(
        self, failures: Mapping[Tuple[str, str, str], List[str]], everywhere: int, empty: bool, known: Set[str]
    ) -> None:
        """Say of parts that match nothing whose field nobody names."""
        for (kind, name, reason), where in failures.items():
            if len(where) < everywhere or kind not in ("unmapped", "other") or name in known:
                continue
            if kind == "unmapped":
                part = f"a part of the query ({name})" if name else "a part of the query"
                self._warn(f"{part} asks for a field that no index with events of the range has: it finds nothing")
            elif reason:
                self._warn(f"a part of the query finds nothing {UNDER_NOT}; the engine says: {reason}")
        if empty and not self._said.warnings:
            self._warn("a part of the query asks for an object of which no member is indexed: it finds nothing")

    def _failed(
        self,
        failures: Mapping[Tuple[str, str, str], List[str]],
        lacking: Mapping[str, List[str]],
        types: Mapping[str, Dict[str, str]],
        indices: List[str],
    ) -> None:
        by_name: Dict[str, Dict[str, str]] = {}
        for (kind, name, reason), where in failures.items():
            if kind == "value":
                by_name.setdefault(name, {}).update(dict.fromkeys(where, reason))
        for name, reasons in by_name.items():
            having = set(types.get(name) or indices) & set(indices)
            kinds = sorted({types.get(name, {}).get(index, "") for index in reasons} - {""})
            what = f"{name!r} ({' or '.join(kinds)})" if kinds else repr(name) if name else "a field of the query"
            reason = next(iter(reasons.values()))
            hint = _value_hint(name, kinds)
            if name not in types and name:
                having = set(indices) - set(lacking.get(name, []))
            if set(reasons) >= having:
                self._said.errors.append(
                    f"{what} cannot hold what the query asks for, in any index with events of the range, so this part "
                    f"can match nothing: {reason}{hint} (unknown_fields=ignore lets it pass)"
                )
            else:
                self._warn(
                    f"{what} cannot hold what the query asks for in {_some(sorted(reasons))}, so this part finds "
                    f"nothing there: {reason}{hint}"
                )

    def _not_indexed(
        self,
        failures: Mapping[Tuple[str, str, str], List[str]],
        explained: Mapping[str, Explanation],
        types: Mapping[str, Dict[str, str]],
    ) -> None:
        where: Dict[str, List[str]] = {}
        for (kind, name, _), found in failures.items():
            if kind == "not_indexed":
                where.setdefault(name, []).extend(found)
        for index, explanation in explained.items():
            for name in re.findall(r"_field_names:([^\s()]+)", explanation.rest):
                if types.get(name, {}).get(index, "").startswith("!"):
                    where.setdefault(name, []).append(index)
        for name, found in where.items():
            self._warn(
                f"{name!r} is stored but not indexed in {_some(sorted(set(found)))}: this part of the query finds "
                f"nothing there {UNDER_NOT}",
                self._instead(name, list(explained), is_spelt_right=True),
            )

    def _mistaken_terms(self, terms: Iterable[Term], types: Mapping[str, Dict[str, str]], indices: List[str]) -> None:
        terms = list(terms)
        texts = "\n".join(self._texts)
        # A bare word is tried on fields with a lowercase normalizer too: the same word, in their letters.
        lowered = {term.text.lower() for term in terms if term.is_word and term.text.lower() != term.text}
        has_addresses: Optional[bool] = None
        for term in terms:
            if term.field.endswith(("._valueAndPath", "._value", "._keyed")) or term.field.startswith("_"):
                continue
            if term.is_word and term.text in lowered:
                continue
            quoted = f"{term.field}:{term.text}"
            kinds = set(types.get(term.field, {}).values())
            if is_network(term.text) and kinds and not kinds & {"ip", "ip_range"} and quoted not in texts:
                if has_addresses is None:
                    has_addresses = any(kind == "ip" for kind in self._field_types.all(indices).values())
                if term.is_word and has_addresses:
                    continue  # one of the fields a bare word is tried on knows addresses
                self._warn(
                    f"{term.field!r} holds text, so {term.text} finds this very text there, and no address of the "
                    "network",
                    self._addresses(term.field, indices),
                )
            if re.match(r"/\^|/.*\$/$", term.text, re.DOTALL):
                self._warn(
                    f"{term.field}:{term.text} can match nothing: a regular expression is compared with the whole "
                    "value, and ^ and $ are plain characters in it",
                    "the same without them, and .* where anything may stand",
                )
            name, sign = relation(term.text)
            if not sign or f"{term.field}:" in texts or (term.field in self._named and not term.is_word):
                continue
            if term.is_word or self._texts:
                self._mistaken_sign(term, name, sign, types, indices)

    def _mistaken_sign(
        self, term: Term, name: str, sign: str, types: Mapping[str, Dict[str, str]], indices: List[str]
    ) -> None:
        is_field = any(kind.lstrip("!") not in OBJECTS for kind in types.get(name, {}).values())
        is_field = is_field or self._is_member(name, types)
        meant = name if is_field else next(iter(self._same_letters(name, indices)), "") if name else ""
        value = term.text[len(name) + len(sign) :] or "value"
        if sign == ":":
            if is_field and term.is_word:
                self._warn(
                    f"the colon in {term.text!r} is text there, because it is escaped or in quotes: {name!r} is not "
                    f'taken as a field. Write {name}:"..." with quotes or \\ in the value only'
                )
        elif not name:
            if term.is_word:
                self._warn(
                    f"{term.text!r} in the query is looked for as a word. A field and its value are written "
                    "field:value; other values: NOT field:value"
                )
        elif meant:
            written = f"{meant}:{sign}{value}" if sign[0] in "<>" else f"{meant}:{value}"
            self._warn(
                f"{term.text!r} in the query is looked for as one word, and {name!r} is not taken as a field. "
                f"Write {written}"
            )

    def _objects(self, explained: Mapping[str, Explanation], types: Mapping[str, Dict[str, str]]) -> None:
        """Say what an object indexed as a whole does not find, and keep the members it is asked for."""
        members: List[str] = []
        for explanation in dict.fromkeys(explained.values()):
            for parent in _HALF_A_RANGE.findall(explanation.rest):
                self._warn(
                    f"a range with one end on a member of {parent!r} finds nothing, or compares as text",
                    "the values themselves, or compare in SPL",
                )
            if "AutomatonQuery" in explanation.rest:  # OpenSearch 3 does not say of what it asks whether it is there
                guesses = [name for text in self._texts for name in in_text(text)]
                members += [name for name in guesses if self._is_member(name, types)]
            for term in explanation.terms():
                parent, _, inner = term.field.rpartition(".")
                if inner == "_value" and parent:
                    continue
                if inner in ("_valueAndPath", "_keyed") and parent:
                    self._object_term(parent, inner, term, members)
                elif self._is_member(term.field, types):
                    self._warn(
                        f"{term.field}:{term.text} finds nothing: in an object indexed as a whole this engine knows no "
                        "wildcard before the end, regular expression or similarity",
                        f'exact values and {term.field}:beginning*, or dsl={{"wildcard": {{"{term.field}": "*end"}}}}',
                    )
                elif self._is_flat_exists(term, types):
                    if "." in term.text[len(term.field) + 1 :]:  # OpenSearch 2.19
                        self._warn(
                            f"_exists_:{term.text} cannot be told by this engine below the first level of an object "
                            "indexed as a whole: it finds nothing",
                            f'dsl={{"prefix": {{"{term.text}": ""}}}}',
                        )
                    members.append(term.text)
        members += [name for name in self._named if self._is_member(name, types)]
        self._said.members = [name for name in dict.fromkeys(members) if "*" not in name][:_MOST_MEMBERS]

    def _object_term(self, parent: str, inner: str, term: Term, members: List[str]) -> None:
        text = term.text
        if inner == "_keyed":
            member, nul, value = text.lstrip("[{").partition("\x00")
            if nul:
                members.append(f"{parent}.{member}")
                self._member_value(members[-1], value, is_range=text[0] in "[{")
            elif text.startswith(("*", "?")):
                self._warn(
                    f"a wildcard at the beginning of a value in {parent!r} is tried on every member of it, not only on "
                    f"the one named ({text}): events may be too many",
                    f"exact values and {parent}.member:beginning*",
                )
            elif "*" in text or "?" in text:
                self._warn(
                    f"a wildcard in the middle of a value finds nothing in members of {parent!r} ({text})",
                    f"exact values and {parent}.member:beginning*",
                )
            return
        if text == "AutomatonQuery":
            return  # a range with one end, or on OpenSearch 3 a question whether there is one
        path, equals, value = text.lstrip("[{/").partition("=")
        if path == f"{parent}.":
            if term.is_word:
                return  # OpenSearch 2.19 tries a bare word on a member without a name, too
            self._warn(*_no_member(parent))
        elif equals:
            members.append(path)
            self._member_value(path, value, is_range=text[0] in "[{")

    def _member_value(self, name: str, value: str, is_range: bool) -> None:
        if is_range and _is_number(value):
            self._warn(
                f"the values of {name!r} are compared as text, where 10 comes before 9: a range of numbers finds other "
                "events than it means",
                "the numbers themselves, or compare in SPL",
            )
        elif is_network(value):
            self._warn(
                f"{name!r} holds text, so {value} finds this very text there, and no address of the network",
                f"{name}:10.* for addresses that begin so",
            )

    def _warn(self, text: str, instead: str = "") -> None:
        text = _plain(text) + (f". Write instead: {_plain(instead)}" if instead else "")
        if text not in self._said.warnings:
            self._said.warnings.append(text)

    # -- what to write instead ---------------------------------------------------------------------------------------

    def _instead(self, name: str, indices: List[str], is_spelt_right: bool = False) -> str:
        field, sign = relation(name)
        if sign and field:
            return f'{(self._same_letters(field, indices) or [field])[0]}:"value"'
        known = [
            other
            for other, kind in self._field_types.all(indices).items()
            if kind not in OBJECTS and not kind.startswith("!")
        ]
        members = sorted((other for other in known if other.startswith(f"{name}.")), key=lambda other: other.count("."))
        return " or ".join(members[:3] or nearest(name.rstrip("*."), known, is_spelt_right))

    def _addresses(self, name: str, indices: List[str]) -> str:
        known = [other for other, kind in self._field_types.all(indices).items() if kind == "ip"]
        parent = name.rpartition(".")[0]
        near = [other for other in (f"{name}.ip", f"{parent}.ip" if parent else "") if other in known]
        near += [other for other in ("source.ip", "destination.ip") if other in known]
        near += sorted(known)
        return " or ".join(f'{other}:"<network>"' for other in list(dict.fromkeys(near))[:2])

    def _same_letters(self, name: str, indices: List[str]) -> List[str]:
        plain = name.lower()
        return [
            other
            for other, kind in self._field_types.all(indices).items()
            if other.lower() == plain and kind not in OBJECTS
        ]

    # -- names and types ---------------------------------------------------------------------------------------------

    def _lacking(
        self, name: str, must_be_leaf: bool, types: Mapping[str, Dict[str, str]], indices: List[str]
    ) -> List[str]:
        """Return the indices in which a name can find nothing because it is no field there."""
        return [
            index
            for index in indices
            if not any(types.get(part, {}).get(index, "") in INDEXED_OBJECTS for part in ancestors(name))
            and (index not in types.get(name, {}) or (must_be_leaf and types[name][index].lstrip("!") in OBJECTS))
        ]

    def _is_flat_exists(self, term: Term, types: Mapping[str, Dict[str, str]]) -> bool:
        """Whether a term is how OpenSearch 2.19 asks whether a member is there: ``object:object.member``."""
        is_flat = "flat_object" in types.get(term.field, {}).values()
        return is_flat and not term.is_word and term.text.startswith(term.field + ".")

    def _is_object(self, name: str, types: Mapping[str, Dict[str, str]]) -> bool:
        return any(kind in INDEXED_OBJECTS for kind in types.get(name, {}).values())

    def _is_member(self, name: str, types: Mapping[str, Dict[str, str]]) -> bool:
        return any(self._is_object(part, types) for part in ancestors(name))


def may_negate(request: SearchRequest) -> bool:
    """Whether a part of what is asked may stand below a NOT. Rather yes than no."""
    texts = [request.query, *query_texts(request.dsl)]
    return any(re.search(r"\bNOT\b|!|(?:^|[\s(])-", text) for text in texts) or "must_not" in json.dumps(request.dsl)


def named_fields(leaf: Clause) -> List[str]:
    """Return the fields that a clause names in its JSON; a pattern over all of them is none."""
    ((kind, content),) = leaf.items()
    if kind in _KEYED:
        return [name for name in content if name not in _OPTIONS]
    names = [content.get("field"), content.get("default_field")]
    listed = content.get("fields")
    names += listed if isinstance(listed, list) else [listed]
    return [name.partition("^")[0] for name in names if isinstance(name, str) and name.strip("*")]


def newest(indices: Sequence[str]) -> List[str]:
    """Return the newest indices by the dates in their names, then by the names; as many as are looked at."""

    def age(name: str) -> Tuple[Tuple[str, ...], str]:
        dates = _DATES.findall(name)
        return (dates[-1] if dates else ()), name

    return sorted(indices, key=age, reverse=True)[:MOST_INDICES]


def _all_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _all_texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _all_texts(inner)


def _masked(leaf: Clause) -> Clause:
    """Return a clause whose values cannot be taken for the engine's words; its fields and their types are the same.

    ``|`` means much in an explanation; to ``query_string`` only two of them are something.
    """
    ((kind, content),) = leaf.items()
    change: Callable[[str], str] = without_marker
    if kind == "query_string":
        change = lambda text: re.sub(r"(?<!\|)\|(?!\|)", "_", without_marker(text))  # noqa: E731
    elif kind != "simple_query_string":
        change = lambda text: without_marker(text).replace("|", "_")  # noqa: E731
    return {kind: _changed(content, change)}


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: _changed(inner, change) for name, inner in value.items()}
    return [_changed(inner, change) for inner in value] if isinstance(value, list) else value


def _no_member(parent: str) -> Tuple[str, str]:
    return f"{parent}.* names no member: it finds nothing", f"{parent}:value, which looks in all of them"


def _value_hint(name: str, kinds: Sequence[str]) -> str:
    if "ip" in kinds:
        return f'. Write an address or a network: {name}:"10.20.0.0/16"'
    if set(kinds) & {"long", "integer", "short", "byte", "double", "float", "half_float", "unsigned_long"}:
        return f". Write a number or a range: {name}:[1 TO 5]"
    if set(kinds) & {"date", "date_nanos"}:
        return f". Write a time or a range: {name}:[2026-10-05 TO 2026-10-06]"
    return f". Write {name}:true or {name}:false" if "boolean" in kinds else ""


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None


def _why(error: BridgeError) -> str:
    status = getattr(error, "status", 0)
    if status == 403:
        return "the account lacks indices:admin/validate/query, or one of its neighbours (docs/engines.md)"
    if status in (400, 404, 405):
        return "the cluster does not offer _validate/query"
    return _plain(str(error))[:300]


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def _plain(text: str) -> str:
    """Return a text that is one readable line, of a length somebody reads."""
    text = "".join(character if character.isprintable() else " " for character in text)
    return text if len(text) <= 1000 else text[:1000] + "..."
