"""Replies and conditions of scenario files, one of each kind, as flow-style YAML."""

REPLIES = {
    "plain text": "hi there",
    "text": "{text: hi there}",
    "thinking": "{thinking: 'Let me see.', text: Yes.}",
    "tool calls": "{text: I look., tool_calls: [{name: pay, input: {n: [1, {a: null}]}}, {name: b}]}",
    "json": "{json: {total: 12.5, items: [a, {b: true}]}}",
    "refusal": "{refusal: {category: cyber, explanation: That could harm.}}",
    "refusal half way": "{text: 'First you', refusal: {}}",
    "pause": "{text: Wait., web_search: {query: news}, stop_reason: pause_turn}",
    "cut": "{text: 'It was a', stop_reason: max_tokens}",
    "search": "{web_search: {query: q, results: [{url: 'https://a.example', title: A,"
    " page_age: May 2026}, {url: 'https://b.example', title: B}]}, text: Found.}",
    "search that failed": "{web_search: {query: q, error: max_uses_exceeded}, text: Nothing.}",
    "fetch": "{web_fetch: {url: 'https://a.example', title: A, text: page, citations: true}}",
    "fetch that failed": "{web_fetch: {url: 'https://a.example', error: url_not_accessible}}",
    "code": "{code_execution: {code: print(6 * 7), stdout: '42', file_ids: [file_1]}, text: '42'}",
    "code that failed": "{code_execution: {code: x, error: execution_time_exceeded}}",
    "command": "{code_execution: {command: ls, stdout: a, stderr: b, return_code: 2}}",
    "command that failed": "{code_execution: {command: ls, error: output_file_too_large}}",
    "content in its own order": "{content: [{text: One.}, {web_search: {query: q, results: []}},"
    " {thinking: hm}, {json: [1]}, {tool_call: {name: pay, input: {}}}]}",
    "no words": "{text: ''}",
}

CITATIONS = [
    "{type: char_location, cited_text: a, document_index: 0, document_title: D,"
    " start_char_index: 0, end_char_index: 1}",
    "{type: page_location, cited_text: a, document_index: 0, start_page_number: 1,"
    " end_page_number: 2, file_id: file_1}",
    "{type: content_block_location, cited_text: a, document_index: 1, start_block_index: 0,"
    " end_block_index: 1}",
    "{type: web_search_result_location, cited_text: a, url: 'https://a.example', title: A}",
    "{type: search_result_location, cited_text: a, search_result_index: 0, source: s,"
    " start_block_index: 0, end_block_index: 2}",
]
