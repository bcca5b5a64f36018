"""What the improviser says, in each of its languages. `{topic}` and the like are filled in."""

from tanzaku.simulator._chance import Chance
from tanzaku.simulator.improviser._language import Language
from tanzaku.simulator.improviser._other_phrases import DE, ES, FR, JA, KO, Phrases

_EN: Phrases = {
    "greeting": (
        "Hello! How can I help you today?",
        "Hi there! What would you like to work on?",
        "Hello! It's nice to meet you. What can I do for you?",
    ),
    "opening": (
        "Here is a short overview of {topic}.",
        "{Topic} is easiest to understand by looking at its purpose first.",
        "In short, {topic} comes down to a few ideas that build on each other.",
    ),
    "body": (
        "The core idea of {topic} is to break the problem into parts that can be reasoned about separately.",
        "A good starting point is {second}, because it determines most of what follows.",
        "In practice, the trade-off is between simplicity and control, and the right balance depends on your goals.",
        "A concrete example makes this clearer: begin with one small case, check the result, and then extend it.",
        "Common mistakes include skipping the basics and changing several things at once.",
        "It helps to measure the outcome early, so that {topic} can be adjusted while changes are still cheap.",
        "Finally, write down the assumptions behind {second}; they are what changes most often.",
    ),
    "closing": (
        "Let me know if you would like more detail on any part.",
        "I can go deeper into {topic} if that is useful.",
    ),
    "items": (
        "**Purpose**: decide what {topic} should achieve",
        "**Audience**: know who {topic} is for",
        "**Scope**: agree on what is left out",
        "**Research**: gather facts about {second}",
        "**Plan**: put the steps in order and give each an owner",
        "**Budget**: estimate time and cost early",
        "**Quality**: define how {topic} will be checked",
        "**Risks**: list what could go wrong and how to notice it",
        "**Communication**: keep everyone informed about {second}",
        "**Review**: look back at the results and improve",
    ),
    "list": ("Here are {count} points on {topic}:",),
    "yes": ("Yes, in general that is so, although the details depend on the context.",),
    "sum": ("{expression} = {value}",),
    "code": ("Here is a solution in {language}:",),
    "code_end": ("You can run it as it is and adapt the names to your project.",),
    "support": (
        "Hello, and thank you for reaching out. I'm sorry about the trouble.{code} I have noted the "
        "details and will follow up with the responsible team. You can expect an update within 24 "
        "hours. Is there anything else I can help you with?",
    ),
    "support_code": (" I can see your reference {code}.",),
    "support_ai": ("I'm an AI assistant. ",),
    "support_again": (
        "Thank you for your patience.{code} I have passed your question on and will let you know as "
        "soon as there is news.",
    ),
    "reply": (
        "Thank you for your message about {topic}. I will take care of it and get back to you.",
    ),
    "titles": (
        "A Practical Guide to {Title}",
        "{Title}, Explained",
        "What Matters in {Title}",
        "{Title}: First Steps",
        "Five Lessons from {Title}",
    ),
    "list_names": ("Here are {count} suggestions:",),
    "greeting_name": ("Hello {name}, nice to meet you! How can I help you today?",),
    "thanks": ("You're welcome! Let me know if there is anything else I can help with.",),
    "identity": ("I'm Claude, an AI assistant made by Anthropic. How can I help you?",),
    "present": ("Yes, I'm here. What can I help you with?",),
    "joke": ("Why do programmers prefer dark mode? Because light attracts bugs.",),
    "no_live": (
        "I don't have access to live information such as the date, the weather or prices. With a tool "
        "for it I could look it up for you.",
    ),
    "no_own": (
        "I'm an AI assistant and don't have that information at hand. Please share the details, or "
        "check the website for current hours, prices and delivery terms.",
    ),
    "need_text": ("Of course. Please share the text you would like me to work with.",),
    "translated": ("(simulated translation into English) {text}",),
    "rewritten": ("Here is a revised version:\n\n{text}",),
    "polite": ("Could you please {text}? Thank you very much.",),
    "not_in_text": ("The text does not say.",),
    "recalled": ("Earlier you told me: “{text}”",),
    "capital": ("The capital of {country} is {capital}.",),
    "poem": (
        "Softly {topic} comes again,\nlight on leaves and light on rain;\nwhat was quiet starts to "
        "sing,\nsmall and new like everything.",
    ),
    "letter": (
        "Subject: {Topic}\n\nHello,\n\nI am writing about the following: {topic}. Please let me know "
        "whether this works for you; I am happy to arrange the details.\n\nKind regards,\n[Your name]",
    ),
    "plan": ("Here is how I would approach “{task}”:",),
    "names": (
        "The {Title} Corner",
        "Bright {Title}",
        "{Title} & Co.",
        "Blue Door {Title}",
        "North Star {Title}",
        "{Title} Lane",
        "Simply {Title}",
        "The Daily {Title}",
    ),
    "explained": (
        "`{name}` takes {arguments}, works through its input step by step and returns the result.",
    ),
    "explained_recursive": (
        "`{name}` takes {arguments} and is recursive: it returns directly in the base case and "
        "otherwise combines the results of calling itself on smaller values.",
    ),
    "review": ("Review of `{name}` ({lines} lines):",),
    "review_missing_colon": (
        "**Syntax**: a block statement lacks its colon, so this does not parse.",
    ),
    "review_index_loop": (
        "**Style**: loop over the items themselves instead of `range(len(...))`.",
    ),
    "review_empty_input": (
        "**Correctness**: an empty input raises an error here; handle that case first.",
    ),
    "review_bare_except": (
        "**Errors**: catching everything hides bugs; name the exceptions you expect.",
    ),
    "review_none_compare": ("**Style**: compare with `is None` rather than `== None`.",),
    "review_eval": (
        "**Security**: `eval` and `exec` run whatever they are given; parse the input instead.",
    ),
    "review_sql_text": (
        "**Security**: SQL built from text invites injection; pass values as parameters.",
    ),
    "review_mutable_default": (
        "**Correctness**: a mutable default is shared between calls; use None.",
    ),
    "review_var": ("**Style**: prefer `const` or `let` to `var`.",),
    "review_secret": ("**Security**: a credential in the code should come from the environment.",),
    "review_undocumented": (
        "**Readability**: say in one line what it returns and what it expects.",
    ),
    "review_tests": ("**Tests**: cover the usual case, the smallest input and an invalid one.",),
    "result": ("According to {tool}: {result}",),
    "result_sum": ("The result of {expression} is {result}.",),
    "failed": ("The {tool} call failed: {result}. I could not complete this part of the request.",),
    "empty": ("(no output)",),
    "thinking": (
        "The user is asking about {topic}. Let me work out what matters most here. ",
        "I should keep the answer focused and relate it to {second}. ",
        "First the main point, then supporting details, then a brief closing.",
    ),
    "thinking_tool": (
        "The user's request about {topic} can be answered with {tool}. I have the arguments I need.",
    ),
    "thinking_result": ("The tool results are in. I can now answer the question about {topic}.",),
    "haiku": ("Ink on a thin strip —\n{topic} on the wind,\nquiet as the moon.",),
    "topic": ("this topic",),
    "second": ("the basics",),
    "positive": ("Positive",),
    "image": (
        "The image shows a simple scene; I would describe {topic} from it as clear and well lit.",
    ),
}
_ZH: Phrases = {
    "greeting": ("你好！有什么可以帮你的吗？", "您好！请问今天需要我帮您做些什么？", "你好！很高兴见到你，想聊点什么？"),
    "opening": ("下面简要介绍{topic}。", "要理解{topic}，最好先看它要解决什么问题。", "简单来说，{topic}由几个相互关联的要点组成。"),
    "body": (
        "{topic}的核心思想是把问题拆成可以分别思考的部分。",
        "建议先从{second}入手，因为它决定了后面的大部分工作。",
        "在实践中，需要在简单与可控之间取得平衡，具体取决于你的目标。",
        "举个例子：先完成一个小案例，检查结果，再逐步扩展。",
        "常见的错误是跳过基础，或者一次改动太多。",
        "尽早衡量效果，这样可以在成本还低的时候调整{topic}。",
        "最后，记录与{second}有关的假设，它们往往最容易变化。",
    ),
    "closing": ("如果需要更详细的说明，请告诉我。", "如果有帮助，我可以进一步展开{topic}。"),
    "items": (
        "**目标**：明确{topic}要达到什么效果", "**对象**：了解{topic}面向谁", "**范围**：约定哪些内容不做",
        "**调研**：收集与{second}有关的事实", "**计划**：排好步骤并指定负责人", "**预算**：尽早估算时间和成本",
        "**质量**：确定如何检验{topic}", "**风险**：列出可能出错的地方", "**沟通**：及时同步{second}的进展",
        "**复盘**：回顾结果并持续改进",
    ),
    "list": ("关于{topic}，以下是{count}点：",),
    "yes": ("是的，通常如此，不过具体情况取决于上下文。",),
    "sum": ("{expression} = {value}",),
    "code": ("下面是用{language}实现的代码：",),
    "code_end": ("可以直接运行，也可以按需修改名称。",),
    "support": (
        "您好，感谢您的联系。给您带来不便，我们深表歉意。{code}我已记录详细情况并转交相关团队跟进，"
        "预计24小时内给您答复。请问还有其他可以帮您的吗？",
    ),
    "support_code": ("我已查到您的单号{code}。",),
    "support_ai": ("我是AI助手。",),
    "support_again": ("感谢您的耐心等待。{code}您的问题我已转达，一有消息会立即告知您。",),
    "reply": ("您关于{topic}的消息已收到，我会尽快处理并回复您。",),
    "titles": ("{topic}实用指南", "读懂{topic}", "{topic}的几个关键", "从零开始了解{topic}"),
    "list_names": ("以下是{count}个建议：",),
    "greeting_name": ("{name}，你好！很高兴认识你，有什么可以帮你的吗？",),
    "thanks": ("不客气！如果还有其他问题，随时告诉我。",),
    "identity": ("我是Claude，由Anthropic开发的AI助手。有什么可以帮你的吗？",),
    "present": ("在的，请问有什么可以帮你？",),
    "joke": ("程序员为什么喜欢深色模式？因为亮光会引来bug。",),
    "no_live": ("我无法获取日期、天气、价格等实时信息；如果提供相应的工具，我可以帮你查询。",),
    "no_own": ("我是AI助手，手头没有这方面的信息。请提供更多细节，或查看官网上的最新说明。",),
    "need_text": ("好的，请把需要处理的文字发给我。",),
    "translated": ("（模拟译文）{text}",),
    "rewritten": ("修改后的版本如下：\n\n{text}",),
    "polite": ("您好，麻烦您{text}，非常感谢！",),
    "not_in_text": ("资料中没有提到。",),
    "recalled": ("你之前提到过：“{text}”",),
    "capital": ("{country}的首都是{capital}。",),
    "poem": ("{topic}悄然至，\n微风入小窗。\n花开无一语，\n满院是清香。",),
    "letter": (
        "主题：{topic}\n\n您好：\n\n关于{topic}，特此说明并请您批准。如需更多信息，请随时与我联系。\n\n"
        "此致\n敬礼\n\n[您的姓名]",
    ),
    "plan": ("针对“{task}”，可以按以下步骤进行：",),
    "names": ("初见{topic}", "{topic}小记", "遇见{topic}", "{topic}新篇", "一方{topic}", "{topic}时光"),
    "explained": ("`{name}`接收参数{arguments}，逐步处理输入并返回结果。",),
    "explained_recursive": ("`{name}`接收参数{arguments}，是一个递归函数：满足终止条件时直接返回，否则对更小的值调用自身并合并结果。",),
    "review": ("对`{name}`（{lines}行）的审查意见：",),
    "review_missing_colon": ("**语法**：语句块缺少冒号，无法解析。",),
    "review_index_loop": ("**风格**：直接遍历元素，而不是使用`range(len(...))`。",),
    "review_empty_input": ("**正确性**：输入为空时会报错，应先处理这种情况。",),
    "review_bare_except": ("**异常**：捕获所有异常会掩盖问题，应指明预期的异常类型。",),
    "review_none_compare": ("**风格**：应使用`is None`而不是`== None`。",),
    "review_eval": ("**安全**：`eval`和`exec`会执行任意内容，应改为解析输入。",),
    "review_sql_text": ("**安全**：拼接SQL容易被注入，应使用参数传值。",),
    "review_mutable_default": ("**正确性**：可变的默认参数会在多次调用间共享，应改用None。",),
    "review_var": ("**风格**：优先使用`const`或`let`而不是`var`。",),
    "review_secret": ("**安全**：代码中的密钥应从环境变量读取。",),
    "review_undocumented": ("**可读性**：用一行说明返回值和对输入的要求。",),
    "review_tests": ("**测试**：覆盖常规输入、最小输入和无效输入。",),
    "result": ("根据{tool}的结果：{result}",),
    "result_sum": ("{expression} 的结果是 {result}。",),
    "failed": ("调用{tool}失败：{result}。这部分请求未能完成。",),
    "empty": ("（无输出）",),
    "thinking": ("用户在问{topic}。先想清楚最重要的是什么。", "回答应当围绕{second}，保持简洁。", "先说要点，再补充细节，最后简短收尾。"),
    "thinking_tool": ("关于{topic}的请求可以用{tool}来回答，所需参数已经齐全。",),
    "thinking_result": ("工具结果已经返回，可以回答关于{topic}的问题了。",),
    "haiku": ("短冊墨未干，\n{topic}随风轻轻去，\n月色静无言。",),
    "topic": ("这个主题",),
    "second": ("基础部分",),
    "positive": ("正面",),
    "image": ("图片呈现了一个简单的场景；就{topic}而言，画面清晰、光线充足。",),
}  # fmt: skip
_PHRASES: dict[Language, Phrases] = {
    "en": _EN,
    "zh": _ZH,
    "ja": _EN | JA,
    "ko": _EN | KO,
    "es": _EN | ES,
    "fr": _EN | FR,
    "de": _EN | DE,
}


def get_phrases(language: Language, key: str) -> tuple[str, ...]:
    """The ways to say `key` in `language`."""
    return _PHRASES[language][key]


def choose_phrase(language: Language, key: str, chance: Chance) -> str:
    """One of the ways to say `key`, not filled in."""
    choices = get_phrases(language, key)
    return choices[0] if len(choices) == 1 else chance.pick(choices)


def say(language: Language, key: str, /, **values: str) -> str:
    """The first way to say `key`, filled in."""
    return get_phrases(language, key)[0].format(**values)


def join_sentences(language: Language, sentences: list[str]) -> str:
    return ("" if language in {"zh", "ja"} else " ").join(sentences)
