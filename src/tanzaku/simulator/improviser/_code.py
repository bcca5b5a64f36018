"""Code answers: a few well-known tasks written out, and a valid skeleton for any other."""

import keyword
import re

from tanzaku.simulator.improviser._conversation import Conversation
from tanzaku.simulator.improviser._sql import write_sql

_ORDERS = frozenset(
    [
        "write",
        "create",
        "implement",
        "generate",
        "give",
        "show",
        "code",
        "build",
        "escribe",
        "écris",
        "schreibe",
        "schreib",
    ]
)
_ASKS_FOR_CODE = re.compile(
    r"\b(?:write|create|implement|generate|give me|show me|code|build|escribe|écris|schreibe?)\b[^.?!\n]{0,60}"
    r"\b(?:function|script|program|(?:some|the|python|sample|example|javascript|source) code|code (?:that|to|for|which|in)|class|method|algorithm|query|snippet|función|fonction|funktion|regex)\b",
    re.IGNORECASE,
)
_ASKS_FOR_CODE_HAN = re.compile(
    r"(?:编写|写|实现|生成|给出|创建|用)[^。？！\n]{0,30}(?:函数|代码|程序|脚本|类|算法|方法|查询语句)"
    r"|(?:関数|コード|プログラム|数列|アルゴリズム|スクリプト)を(?:書|作|実装)|(?:함수|코드)를? ?(?:작성|만들)"
)
_ASKS_FOR_SQL = re.compile(
    r"\b(?:write|generate|give|give me|translate|convert|answer|return|produce|turn|into|to|with|only)\b[^?!\n]{0,60}\bsql\b"
    r"|(?:给出|写|生成|转换|转成|返回|输出|用)[^。\n]{0,20}sql",
    re.IGNORECASE,
)
_CODE_ONLY = re.compile(
    r"\b(?:only|just)\b[^.\n]{0,20}\b(?:sql|code|query)\b|\b(?:sql|code|query) only\b|只(?:返回|输出|给出)[^。\n]{0,6}(?:代码|sql)",
    re.IGNORECASE,
)
_MAX_SYSTEM = 2000
_CODE_WORDS_TEXT = """
    function script program code class method algorithm query snippet regex función fonction
    funktion
"""
CODE_WORDS = frozenset(_CODE_WORDS_TEXT.split())
_CODE_HAN_TEXT = (
    "函数 代码 程序 脚本 算法 类 方法 查询语句 関数 コード プログラム 数列 アルゴリズム 함수 코드"
)
CODE_HAN = tuple(_CODE_HAN_TEXT.split())
# Beside Han characters a Latin word must still end.
_LATIN = re.IGNORECASE | re.ASCII
_LANGUAGES = (
    ("python", "Python", re.compile(r"python", _LATIN)),
    ("typescript", "TypeScript", re.compile(r"typescript|\bts\b", _LATIN)),
    ("javascript", "JavaScript", re.compile(r"javascript|node\.?js|\bjs\b", _LATIN)),
    ("sql", "SQL", re.compile(r"\bsql\b", _LATIN)),
    ("bash", "Bash", re.compile(r"\bbash\b|\bshell\b", _LATIN)),
    ("go", "Go", re.compile(r"\bgolang\b|\bGo\b", re.ASCII)),
    ("rust", "Rust", re.compile(r"\brust\b", _LATIN)),
    ("java", "Java", re.compile(r"\bjava\b", _LATIN)),
)
_GENERIC_TEXT = """
    python javascript typescript java rust golang bash sql function script program code class
    method algorithm query snippet go s e g
"""
_GENERIC = frozenset(_GENERIC_TEXT.split())
_TASKS: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        re.compile(r"fibonacci|fibonacc|斐波那契|斐波拉契|フィボナッチ|피보나치", re.IGNORECASE),
        '''def fibonacci(n: int) -> int:
    """Return the n-th Fibonacci number, with fibonacci(0) == 0."""
    if n < 0:
        raise ValueError("n must not be negative")
    if n < 2:
        return n
    return fibonacci(n - 1) + fibonacci(n - 2)


print([fibonacci(i) for i in range(10)])''',
        """function fibonacci(n) {
  if (n < 0) throw new RangeError("n must not be negative");
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

console.log(Array.from({ length: 10 }, (_, i) => fibonacci(i)));""",
    ),
    (
        re.compile(r"factorial|阶乘|階乗", re.IGNORECASE),
        '''def factorial(n: int) -> int:
    """Return n! for n >= 0."""
    if n < 0:
        raise ValueError("n must not be negative")
    return 1 if n < 2 else n * factorial(n - 1)


print(factorial(5))''',
        """function factorial(n) {
  if (n < 0) throw new RangeError("n must not be negative");
  return n < 2 ? 1 : n * factorial(n - 1);
}

console.log(factorial(5));""",
    ),
    (
        re.compile(r"\bprimes?\b|质数|素数", re.IGNORECASE),
        '''def is_prime(n: int) -> bool:
    """Tell whether n is a prime number."""
    if n < 2:
        return False
    return all(n % divisor for divisor in range(2, int(n**0.5) + 1))


print([n for n in range(30) if is_prime(n)])''',
        """function isPrime(n) {
  if (n < 2) return false;
  for (let d = 2; d * d <= n; d++) if (n % d === 0) return false;
  return true;
}

console.log([2, 3, 4, 5].filter(isPrime));""",
    ),
    (
        re.compile(r"binary search|二分查找|二分搜索|二分探索", re.IGNORECASE),
        '''def binary_search(items: list[int], target: int) -> int:
    """Return the index of target in the sorted items, or -1."""
    low, high = 0, len(items) - 1
    while low <= high:
        middle = (low + high) // 2
        if items[middle] == target:
            return middle
        if items[middle] < target:
            low = middle + 1
        else:
            high = middle - 1
    return -1


print(binary_search([1, 3, 5, 7, 9], 7))''',
        """function binarySearch(items, target) {
  let low = 0, high = items.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (items[middle] === target) return middle;
    if (items[middle] < target) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}""",
    ),
    (
        re.compile(r"\bsort|排序|ソート|정렬", re.IGNORECASE),
        '''def quick_sort(items: list[int]) -> list[int]:
    """Return the items in ascending order."""
    if len(items) < 2:
        return list(items)
    pivot, *rest = items
    smaller = [item for item in rest if item < pivot]
    larger = [item for item in rest if item >= pivot]
    return quick_sort(smaller) + [pivot] + quick_sort(larger)


print(quick_sort([5, 2, 9, 1]))''',
        """function quickSort(items) {
  if (items.length < 2) return [...items];
  const [pivot, ...rest] = items;
  return [
    ...quickSort(rest.filter((x) => x < pivot)),
    pivot,
    ...quickSort(rest.filter((x) => x >= pivot)),
  ];
}""",
    ),
    (
        re.compile(r"palindrome|回文", re.IGNORECASE),
        '''def is_palindrome(text: str) -> bool:
    """Tell whether text reads the same both ways, ignoring case and punctuation."""
    letters = [char.lower() for char in text if char.isalnum()]
    return letters == letters[::-1]


print(is_palindrome("A man, a plan, a canal: Panama"))''',
        """function isPalindrome(text) {
  const letters = text.toLowerCase().replace(/[^a-z0-9]/g, "");
  return letters === [...letters].reverse().join("");
}""",
    ),
    (
        re.compile(r"reverse|反转|翻转|倒序", re.IGNORECASE),
        '''def reverse(text: str) -> str:
    """Return text from its end to its start."""
    return text[::-1]


print(reverse("hello"))''',
        """function reverse(text) {
  return [...text].reverse().join("");
}""",
    ),
    (
        re.compile(r"fizz ?buzz", re.IGNORECASE),
        '''def fizz_buzz(n: int) -> str:
    """Return Fizz, Buzz, FizzBuzz or the number itself."""
    word = "Fizz" * (n % 3 == 0) + "Buzz" * (n % 5 == 0)
    return word or str(n)


print("\\n".join(fizz_buzz(n) for n in range(1, 16)))''',
        """for (let n = 1; n <= 15; n++) {
  console.log((n % 3 ? "" : "Fizz") + (n % 5 ? "" : "Buzz") || n);
}""",
    ),
    (
        re.compile(r"\bgcd\b|greatest common divisor|最大公约数|最大公因数", re.IGNORECASE),
        '''def gcd(a: int, b: int) -> int:
    """Return the greatest common divisor of a and b."""
    while b:
        a, b = b, a % b
    return abs(a)


print(gcd(48, 36))''',
        """function gcd(a, b) {
  return b === 0 ? Math.abs(a) : gcd(b, a % b);
}""",
    ),
    (
        re.compile(r"word count|count (?:the )?words|词频|统计单词", re.IGNORECASE),
        '''from collections import Counter


def count_words(text: str) -> Counter[str]:
    """Count how often each word occurs in text, ignoring case."""
    return Counter(text.lower().split())


print(count_words("to be or not to be"))''',
        """function countWords(text) {
  const counts = {};
  for (const word of text.toLowerCase().split(/\\s+/)) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}""",
    ),
    (
        re.compile(r"hello,? world", re.IGNORECASE),
        'print("Hello, world!")',
        'console.log("Hello, world!");',
    ),
)
_SKELETONS = {
    "python": '''def {name}(items: list[str]) -> list[str]:
    """{doc}"""
    return [item.strip() for item in items if item.strip()]


print({name}(["first", " second "]))''',
    "javascript": """function {name}(items) {{
  // {doc}
  return items.map((item) => item.trim()).filter(Boolean);
}}

console.log({name}(["first", " second "]));""",
    "typescript": """function {name}(items: string[]): string[] {{
  // {doc}
  return items.map((item) => item.trim()).filter(Boolean);
}}

console.log({name}(["first", " second "]));""",
    "bash": """#!/usr/bin/env bash
# {doc}
set -euo pipefail

for file in "$@"; do
  printf '%s\\n' "$file"
done""",
    "go": """package main

import "fmt"

// {name}: {doc}
func {name}(items []string) int {{
	return len(items)
}}

func main() {{
	fmt.Println({name}([]string{{"first", "second"}}))
}}""",
    "rust": """// {doc}
fn {name}(items: &[&str]) -> usize {{
    items.len()
}}

fn main() {{
    println!("{{}}", {name}(&["first", "second"]));
}}""",
    "java": """public class Main {{
    // {doc}
    static int {name}(String[] items) {{
        return items.length;
    }}

    public static void main(String[] args) {{
        System.out.println({name}(new String[] {{"first", "second"}}));
    }}
}}""",
}


def is_asking_for_code(conversation: Conversation) -> bool:
    """Code in any language by the words of the question; SQL by those of the system prompt too."""
    instruction = conversation.ask.instruction
    objects = CODE_WORDS & conversation.words
    # The pattern is dear where an order and its object stand far apart.
    if objects and conversation.match_from(_ORDERS, _ASKS_FOR_CODE, ahead=objects):
        return True
    if not instruction.isascii() and _ASKS_FOR_CODE_HAN.search(instruction):
        return True
    if "sql" not in conversation.words and not conversation.system and instruction.isascii():
        return False
    return any(
        "sql" in text.lower() and _ASKS_FOR_SQL.search(text) is not None
        for text in (instruction, conversation.system[:_MAX_SYSTEM])
    )


def write_code(conversation: Conversation) -> tuple[str, str, bool]:
    """The language's name, a block of code for what was asked, and whether the code alone is wanted
    (it then comes without a fence)."""
    asked = conversation.ask.instruction
    text = f"{asked}\n{conversation.system[:_MAX_SYSTEM]}"
    is_bare = _CODE_ONLY.search(text) is not None
    tag, title = next(
        ((tag, title) for tag, title, pattern in _LANGUAGES if pattern.search(text)),
        ("python", "Python"),
    )
    if tag == "sql":
        statement = write_sql(conversation.question, conversation.system)
        return title, _fence(tag, statement, is_bare), is_bare
    for pattern, python, javascript in _TASKS:
        if tag in {"python", "javascript"} and pattern.search(asked):
            code = python if tag == "python" else javascript
            return title, _fence(tag, code, is_bare), is_bare
    phrases = conversation.facts.phrases
    doc = (phrases[0] if phrases else "process items").replace('"', "'").replace("\\", "/")
    code = _SKELETONS[tag].format(name=_name_function(phrases), doc=doc)
    return title, _fence(tag, code, is_bare), is_bare


def _fence(tag: str, code: str, is_bare: bool) -> str:
    return code if is_bare else f"```{tag}\n{code}\n```"


def _name_function(phrases: list[str]) -> str:
    words = [
        word
        for phrase in phrases
        for word in re.findall(r"[a-z]+", phrase.lower())
        if word not in _GENERIC and not keyword.iskeyword(word)
    ]
    return "_".join(words[:3]) or "process_items"
