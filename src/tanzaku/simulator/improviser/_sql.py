"""A SELECT for a question in words, on the tables the prompt describes or names."""

import re

from tanzaku.simulator.improviser._facts import Facts

_TABLE = re.compile(
    r"\b([A-Za-z_]\w*)\s*\(\s*([A-Za-z_]\w*(?:\s+\w+)?(?:\s*,\s*[A-Za-z_]\w*(?:\s+\w+)?)*)\s*\)",
    re.ASCII,
)
_NAMED = re.compile(
    r"\b(?:table|from|表)\s*(?:named |called |名为)?[`\"]?([a-z_]\w*)", re.IGNORECASE
)
_PLURAL = re.compile(
    r"\b(customers|users|orders|products|employees|invoices|payments|items|sales|students|books)\b",
    re.IGNORECASE,
)
_NOT_TABLES = frozenset(
    {"count", "sum", "avg", "min", "max", "the", "a", "this", "each", "that", "varchar"}
)
_TOP = re.compile(
    r"\b(?:top|first|last|latest)\s+(\d+)|前\s*(\d+)|(\d+)\s*(?:most|largest|highest)",
    re.IGNORECASE,
)
_COUNTED = re.compile(r"\bhow many\b|\bnumber of\b|\bcount\b|多少|数量|几个", re.IGNORECASE)
_SUMMED = re.compile(r"\b(?:total|sum|revenue|sales)\b|总|合计|销售额", re.IGNORECASE)
_AVERAGED = re.compile(r"\b(?:average|mean|avg)\b|平均", re.IGNORECASE)
_MONTHLY = re.compile(r"\b(?:per|each|every|by) month\b|\bmonthly\b|每个?月|按月", re.IGNORECASE)
_YEAR = re.compile(r"(?<!\d)(20\d\d)(?!\d)")
_AMOUNTS = ("amount", "total", "price", "revenue", "salary", "quantity")
_DATES = ("created_at", "date", "order_date", "created", "sold_at")


def write_sql(question: str, system: str) -> str:
    """One statement; columns that nobody named are the usual ones."""
    table, columns = _find_table(f"{question}\n{system}")
    wheres = _list_conditions(question, columns)
    amount = next((name for name in _AMOUNTS if name in columns), "amount")
    day = next((name for name in _DATES if name in columns), "created_at")
    if year := _YEAR.search(question):
        wheres.append(f"{day} >= '{year[1]}-01-01' AND {day} < '{int(year[1]) + 1}-01-01'")
    where = f"\nWHERE {' AND '.join(wheres)}" if wheres else ""
    if _MONTHLY.search(question):
        month = f"strftime('%Y-%m', {day})"
        return f"SELECT {month} AS month, SUM({amount}) AS total\nFROM {table}{where}\nGROUP BY month\nORDER BY month;"
    top = _TOP.search(question)
    if top:
        return _write_top(table, where, amount, top[top.lastindex or 0], _SUMMED.search(question))
    if _COUNTED.search(question):
        return f"SELECT COUNT(*) AS count\nFROM {table}{where};"
    for pattern, function in ((_AVERAGED, "AVG"), (_SUMMED, "SUM")):
        if pattern.search(question):
            return (
                f"SELECT {function}({amount}) AS {function.lower()}_{amount}\nFROM {table}{where};"
            )
    chosen = ", ".join(columns) if columns else "*"
    return f"SELECT {chosen}\nFROM {table}{where};"


def _write_top(
    table: str, where: str, amount: str, limit: str, is_summed: re.Match[str] | None
) -> str:
    if not is_summed:
        return f"SELECT *\nFROM {table}{where}\nORDER BY {amount} DESC\nLIMIT {limit};"
    if table == "customers":
        return (
            "SELECT c.id, c.name, SUM(o.amount) AS total_amount\nFROM customers AS c\n"
            f"JOIN orders AS o ON o.customer_id = c.id{where}\n"
            f"GROUP BY c.id, c.name\nORDER BY total_amount DESC\nLIMIT {limit};"
        )
    return (
        f"SELECT id, SUM({amount}) AS total_{amount}\nFROM {table}{where}\n"
        f"GROUP BY id\nORDER BY total_{amount} DESC\nLIMIT {limit};"
    )


def _find_table(text: str) -> tuple[str, list[str]]:
    for match in _TABLE.finditer(text):
        if match[1].lower() not in _NOT_TABLES:
            return match[1], [part.split()[0] for part in match[2].split(",")]
    plural = _PLURAL.search(text)
    if plural:
        return plural[1].lower(), []
    named = _NAMED.search(text)
    if named and named[1].lower() not in _NOT_TABLES:
        return named[1], []
    return "items", []


def _list_conditions(question: str, columns: list[str]) -> list[str]:
    facts = Facts(question)
    conditions = []
    for names, kind in ((("city", "country", "region"), "place"), (("email",), "email")):
        column = next((name for name in names if name in columns or not columns), None)
        values = [value.replace("'", "''") for value in facts.find(kind)]
        if column and values:
            conditions.append(f"{column} = '{values[0]}'")
    return conditions
