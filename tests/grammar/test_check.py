"""What llama.cpp would crash over, hang on or refuse is refused with a sentence, and nothing else is."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoglm_lite.errors import UsageError
from autoglm_lite.grammar import check
from tests.grammar.texts import follows, matches

CHAIN = "".join(f"a{i} ::= a{i + 1}\n" for i in range(3000))
DOUBLE_CHAIN = "".join(f"a{i} ::= a{i + 1} | a{i + 1}\n" for i in range(60))
BRANCHES = "".join(f'a{i} ::= a{i + 1} "x" | a{i + 1} "y"\n' for i in range(40))

REFUSED = {
    # What faults.md found to kill the library.
    "nonsense": ("nonsense", "line 1, column 9: ::= should stand here"),
    "open parenthesis": ("root ::= (", r"line 1, column 11: '\)' should stand here"),
    "left recursion": ('root ::= root "a"', "rule root comes to itself again before any character"),
    "no root": ('x ::= "a"', "no rule named root"),
    "no such rule": ('root ::= "a"\n  y', "line 2, column 4"),
    "60,000 parentheses": ("root ::= " + "(" * 60000 + '"a"' + ")" * 60000, "longer than 64 KiB"),
    "101 parentheses": ("root ::= " + "(" * 101 + '"a"' + ")" * 101, "nested deeper than 100"),
    "a billion times": ('root ::= "a"{1,1000000000}', "more than 2000 times"),
    # Others.
    "undefined": ("root ::= y", "line 1, column 10: there is no rule named y"),
    "defined twice": ('root ::= "a"\nroot ::= "b"', "line 2, column 1: there is already a rule named root"),
    "indirect left recursion": ('root ::= a\na ::= b "x"\nb ::= a | "y"', "the rule a comes to itself again through b"),
    "left recursion behind nothing": ('root ::= x root "a" | "b"\nx ::= y\ny ::= "c"?', "comes to itself again"),
    "nothing repeated": ('root ::= ("a"*)*', "repeat nothing that may be empty"),
    "reversed bounds": ('root ::= "a"{5,2}', r"\{5,2\} ends before it begins"),
    "no bounds": ('root ::= "a"{}', "a number should stand here"),
    "a number of a thousand digits": ('root ::= "a"{' + "9" * 1000 + "}", "more than 2000 times"),
    "repeated repetition": ('root ::= (("a"{0,100}) "b"){100}', "repetitions within repetitions"),
    "too large written out": ("root ::= [" + "ab-c" * 1000 + "]{2000}", "too large"),
    "nothing to repeat": ("root ::= *", "nothing stands here that could be repeated"),
    "empty string repeated": ('root ::= ""*', "nothing stands here that could be repeated"),
    "bad escape": (r'root ::= "\q"', "unknown escape"),
    "short escape": (r'root ::= "\u12"', "4 hexadecimal digits"),
    "beyond Unicode": (r'root ::= "\U00110000"', "beyond U[+]10FFFF"),
    "a surrogate": (r'root ::= "\uD800"', "U[+]D800 can never be written"),
    "a raw surrogate": ('root ::= "\ud800"', "U[+]D800 has no place in a text"),
    "a raw zero": ('root ::= "a" \0', "U[+]0000 has no place in a text"),
    "zero": (r'root ::= "\x00"', "U[+]0000 can never be written"),
    "empty class": ("root ::= []", "may not be empty"),
    "empty class but negated": ("root ::= [^]", "may not be empty"),
    "reversed range": ("root ::= [z-a]", "ends before it begins"),
    "everything but everything": (r"root ::= [^\x00-\U0010FFFF]", "no character fits"),
    "open class": ("root ::= [a", r"this '\[' has no closing"),
    "open string": ('root ::= "a', "this string has no closing"),
    "open escape": ('root ::= "\\', "unknown escape"),
    "token by number": ("root ::= <[3]>", "tokens cannot be named"),
    "not this token": ("root ::= !<think>", "tokens cannot be named"),
    "underscore": ('my_rule ::= "a"', "only letters, digits and '-'"),
    "alternative on a line of its own": ('root ::= "a"\n  | "b"', "line 2, column 3: the name of a rule should stand"),
    "a chain of rules": (f'root ::= a0\n{CHAIN}a3000 ::= "x"', "more than 1000 rules begin with"),
    "ways that double": (f'root ::= a0\n{DOUBLE_CHAIN}a60 ::= "x"', "too many ways lead from"),
    "beginnings that double": (f'root ::= a0\n{BRANCHES}a40 ::= "x"', "too many ways lead from"),
    "stacks that double": ('root ::= "a" root "x" | "a" root "y" | "b"', "read in too many ways"),
    "slowly": ('root ::= "[abcdefghij" root "]" | "[abcdefghij" root ")" | "x"', "more than 400 ways to go on"),
    "sums": ('root ::= e\ne ::= t "+" e | t\nt ::= "(" e ")" | [0-9]', "read in too many ways"),
    "one stack more each time": ('root ::= "a" root | r\nr ::= "a" r "x" | "b"', "too much open"),
    "readings that double": ("root ::= ([a-z] | [a-zA-Z])+", "read in too many ways"),
    "a pattern that backtracks": ('root ::= a+\na ::= "a"+', "read in too many ways"),
    "eight stars": ("root ::= " + "[a-z]* " * 8, "repeated character can be read in too many ways"),
    "a dangling else": ('root ::= "a" root "b"? | "c"', "something that contains root again is followed only"),
    "3,000 options": ("root ::= " + " ".join(f'"{i}"?' for i in range(3000)), "more than 400 ways"),
    "5,000 words": ("root ::= " + " | ".join(f'"word{i}"' for i in range(5000)), "more than 400 ways"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    gbnf, sentence = REFUSED[name]
    with pytest.raises(UsageError, match=sentence):
        check(gbnf)


FOLLOWED = {
    "empty": ('root ::= ""', [""], ["a"]),
    "a rule without anything": ("root ::=", [""], ["a"]),
    "literals": (r'root ::= "a\n\"\\" "\x41\u00e9\U0001F600"', ['a\n"\\Aé😀'], ["a", ""]),
    "classes": (r"root ::= [^a-c\]] [-x] [a\-z] .", ["dx-你", "^-zz"], ["ax--", "dyaa", "]xaa", "dxya"]),
    "repetitions": ('root ::= "a"{2} "b"{1,3} "c"{2,} "d"{0,1} "e"{0}', ["aabcc", "aabbbcccccd"], ["abcc", "aabc"]),
    "groups": ('root ::= ("a" |\n "b" # one\n | "c")+ ("d" ("e" | ))?', ["a", "abcd", "cde"], ["", "d", "ae"]),
    "recursion": ('root ::= "(" root ")" | "[" root "]" | "x"', ["x", "([x])"], ["(x]", "(x", "xx"]),
    "Windows": ('root ::= x\r\nx ::= "a"\r\n', ["a"], ["b"]),
    "100 parentheses": ("root ::= " + "(" * 100 + '"a"' + ")" * 100, ["a"], ["b"]),
    "2,000 times": ('root ::= a{2000}\na ::= b{2000}\nb ::= "x"{2000}', [], ["a"]),
    "350 words": ("root ::= " + " | ".join(f'"w{i}"' for i in range(350)), ["w349", "w1"], ["w", "w900"]),
    "slack white space": ('root ::= ws ws ws ws "x"\nws ::= [ \\t\\n]*', ["x", "  \n x"], ["y"]),
    "a search": ('root ::= .* "foo" .* "bar" .*', ["foobar", "a foo b bar c"], ["foo", "barfoo"]),
    "words and numbers": ('root ::= w ("," w)*\nw ::= [a-z]+ | "-"? ([0-9] | [1-9] [0-9]*)', ["a,5,55,b"], ["-", "a,"]),
    "JSON": (
        r"""
root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws
object ::= "{" ws ( string ":" ws value ("," ws string ":" ws value)* )? "}" ws
array  ::= "[" ws ( value ("," ws value)* )? "]" ws
string ::= "\"" ( [^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) )* "\"" ws
number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws
ws ::= | " " | "\n" [ \t]{0,20}
""",
        ['{"a": [1, 2.5e3, {"b": "\\u00e9"}, null]}'],
        ["[]", '{"a" 1}', '{"a": 01}'],
    ),
    "a programming language": (
        r"""
root ::= (type name "(" (type name)? ")" "{" statement* "}")*
type ::= ("int" | "float") ws
name ::= [a-zA-Z_] [a-zA-Z_0-9]*
statement ::= type name ws "=" ws sum ";" | name ws "=" ws sum ";" | name ws "(" list? ")" ";" | "return" ws sum ";" |
  "while" "(" sum "<" sum ")" "{" statement* "}" | "if" "(" sum ")" "{" statement* "}" ("else" "{" statement* "}")?
sum ::= product (("+" | "-") product)*
product ::= factor (("*" | "/") factor)*
factor ::= name | [0-9]+ | "-" factor | name "(" list? ")" | "(" ws sum ws ")"
list ::= sum ("," ws sum)*
ws ::= [ \t\n]+
""",
        ["int f(int x){while(f(x)<3){x = 1+2*-y;}return f(1, 2);}"],
        ["int f(){x}"],
    ),
}


@pytest.mark.parametrize("name", FOLLOWED)
def test_followed(name: str) -> None:
    gbnf, right, wrong = FOLLOWED[name]
    check(gbnf)
    assert [text for text in right if not matches(gbnf, text)] == []
    assert [text for text in wrong if matches(gbnf, text)] == []


def test_the_way_there() -> None:
    assert follows('root ::= "ab" "c"?', "a") == (True, False)
    assert follows('root ::= "ab" "c"?', "ab") == (True, True)
    assert follows('root ::= "ab" "c"?', "abd") == (False, False)


META = st.sampled_from([*'()[]{}|*+?."^-\\<>!#:=,0129ab \n', "::=", "root", "x", "\\u", "{1,", "\\U0010FFFF"])


@settings(deadline=None)
@given(st.lists(META, max_size=40).map(lambda parts: 'root ::= "a" x\nx ::= ' + "".join(parts)))
def test_any_text_is_answered(gbnf: str) -> None:
    with suppress(UsageError):
        check(gbnf)
