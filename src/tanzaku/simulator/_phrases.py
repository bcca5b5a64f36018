"""What the improviser says, in each of its languages. `{topic}` and the like are filled in."""

from tanzaku.simulator._chance import Chance
from tanzaku.simulator._language import Language

type Phrases = dict[str, tuple[str, ...]]

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
_JA: Phrases = {
    "greeting": ("こんにちは！今日はどのようなお手伝いをしましょうか？",),
    "opening": ("{topic}について簡単に説明します。",),
    "body": (
        "{topic}の要点は、問題を小さな部分に分けて考えることです。",
        "まず{second}から始めると、その後の流れが決まりやすくなります。",
        "実際には、単純さと柔軟さのバランスが大切です。",
        "小さな例で結果を確かめてから、少しずつ広げましょう。",
    ),
    "closing": ("詳しい説明が必要でしたらお知らせください。",),
    "items": ("**目的**：{topic}で何を達成するかを決める", "**対象**：誰のためかを考える", "**調査**：{second}の情報を集める", "**計画**：手順を整理する", "**確認**：結果を見直して改善する"),
    "list": ("{topic}について{count}点を挙げます：",),
    "code": ("{language}での実装例です：",),
    "code_end": ("そのまま実行できます。",),
    "support": ("お問い合わせありがとうございます。ご不便をおかけし、申し訳ございません。{code}担当部署に確認し、24時間以内にご連絡いたします。",),
    "support_code": ("番号{code}を確認しました。",),
    "support_ai": ("私はAIアシスタントです。",),
    "greeting_name": ("{name}さん、はじめまして！今日はどのようなお手伝いをしましょうか？",),
    "thanks": ("どういたしまして！他にもあればお知らせください。",),
    "identity": ("私はAnthropicが開発したAIアシスタントのClaudeです。",),
    "present": ("はい、こちらにいます。ご用件をどうぞ。",),
    "need_text": ("承知しました。対象の文章を送ってください。",),
    "translated": ("（模擬翻訳）{text}",),
    "rewritten": ("修正版です：\n\n{text}",),
    "capital": ("{country}の首都は{capital}です。",),
    "recalled": ("先ほど「{text}」とおっしゃいました。",),
    "plan": ("「{task}」の進め方の案です：",),
    "result": ("{tool}の結果：{result}",),
    "result_sum": ("{expression}の答えは{result}です。",),
    "failed": ("{tool}の呼び出しに失敗しました：{result}",),
    "thinking": ("ユーザーは{topic}について尋ねている。", "{second}に触れながら簡潔に答えよう。"),
    "thinking_tool": ("{topic}には{tool}を使えばよい。",),
    "thinking_result": ("ツールの結果が届いたので、{topic}について答えられる。",),
    "haiku": ("短冊に\n{topic}ゆれて\n月静か",),
    "topic": ("このテーマ",),
    "second": ("基本",),
}  # fmt: skip
_KO: Phrases = {
    "translated": ("(모의 번역) {text}",),
    "thanks": ("천만에요! 더 필요하시면 말씀해 주세요.",),
    "greeting": ("안녕하세요! 무엇을 도와드릴까요?",),
    "opening": ("{topic}에 대해 간단히 설명하겠습니다.",),
    "body": (
        "{topic}의 핵심은 문제를 작은 부분으로 나누어 생각하는 것입니다.",
        "먼저 {second}부터 시작하면 이후의 방향을 정하기 쉽습니다.",
        "실제로는 단순함과 유연성 사이의 균형이 중요합니다.",
        "작은 예제로 결과를 확인한 뒤 조금씩 확장해 보세요.",
    ),
    "closing": ("더 자세한 설명이 필요하면 알려 주세요.",),
    "items": ("**목표**: {topic}의 목적을 정합니다", "**대상**: 누구를 위한 것인지 생각합니다", "**조사**: {second} 자료를 모읍니다", "**계획**: 순서를 정리합니다", "**검토**: 결과를 확인하고 개선합니다"),
    "list": ("{topic}에 대한 {count}가지입니다:",),
    "code": ("{language} 코드입니다:",),
    "code_end": ("그대로 실행할 수 있습니다.",),
    "support": ("문의해 주셔서 감사합니다. {topic} 문제로 불편을 드려 죄송합니다.{code} 담당 부서에 전달했으며 24시간 안에 답변드리겠습니다.",),
    "support_code": (" 접수 번호 {code}을(를) 확인했습니다.",),
    "result": ("{tool} 결과: {result}",),
    "result_sum": ("{expression}의 결과는 {result}입니다.",),
    "failed": ("{tool} 호출에 실패했습니다: {result}",),
    "thinking": ("사용자가 {topic}에 대해 묻고 있다. ", "{second}을 중심으로 간결하게 답하자."),
    "thinking_tool": ("{topic}에는 {tool}을 쓰면 된다.",),
    "thinking_result": ("도구 결과가 왔으니 {topic}에 답할 수 있다.",),
    "topic": ("이 주제",),
    "second": ("기본",),
}  # fmt: skip
_ES: Phrases = {
    "translated": ("(traducción simulada) {text}",),
    "thanks": ("¡De nada! Dime si necesitas algo más.",),
    "greeting_name": ("¡Hola, {name}! ¿En qué puedo ayudarte hoy?",),
    "greeting": ("¡Hola! ¿En qué puedo ayudarte hoy?",),
    "opening": ("Aquí tienes un breve resumen sobre {topic}.",),
    "body": (
        "La idea central de {topic} es dividir el problema en partes que se puedan entender por separado.",
        "Conviene empezar por {second}, porque determina casi todo lo demás.",
        "En la práctica hay que equilibrar la sencillez y el control.",
        "Un ejemplo pequeño ayuda: pruébalo, revisa el resultado y amplíalo poco a poco.",
    ),
    "closing": ("Dime si quieres más detalles.",),
    "items": ("**Objetivo**: define qué debe lograr {topic}", "**Público**: piensa para quién es", "**Investigación**: reúne datos sobre {second}", "**Plan**: ordena los pasos", "**Revisión**: comprueba los resultados y mejora"),
    "list": ("Estos son {count} puntos sobre {topic}:",),
    "code": ("Aquí tienes una solución en {language}:",),
    "code_end": ("Puedes ejecutarla tal cual.",),
    "support": ("Hola, gracias por escribirnos. Lamento el problema.{code} Ya lo he pasado al equipo responsable y tendrás respuesta en 24 horas.",),
    "support_code": (" Veo tu referencia {code}.",),
    "result": ("Según {tool}: {result}",),
    "result_sum": ("El resultado de {expression} es {result}.",),
    "failed": ("La llamada a {tool} falló: {result}.",),
    "thinking": ("El usuario pregunta por {topic}. ", "Conviene responder de forma breve y hablar de {second}."),
    "thinking_tool": ("Para {topic} sirve la herramienta {tool}.",),
    "thinking_result": ("Ya llegaron los resultados; puedo responder sobre {topic}.",),
    "topic": ("este tema",),
    "second": ("lo básico",),
}  # fmt: skip
_FR: Phrases = {
    "translated": ("(traduction simulée) {text}",),
    "thanks": ("Avec plaisir ! Dites-moi si vous avez besoin d'autre chose.",),
    "greeting_name": ("Bonjour {name} ! Comment puis-je vous aider ?",),
    "greeting": ("Bonjour ! Comment puis-je vous aider aujourd'hui ?",),
    "opening": ("Voici un bref aperçu de {topic}.",),
    "body": (
        "L'idée centrale de {topic} est de diviser le problème en parties que l'on peut comprendre séparément.",
        "Mieux vaut commencer par {second}, car cela détermine presque tout le reste.",
        "En pratique, il faut équilibrer la simplicité et le contrôle.",
        "Un petit exemple aide : essayez-le, vérifiez le résultat, puis élargissez peu à peu.",
    ),
    "closing": ("Dites-moi si vous souhaitez plus de détails.",),
    "items": ("**Objectif** : définir ce que {topic} doit accomplir", "**Public** : savoir à qui il s'adresse", "**Recherche** : rassembler des données sur {second}", "**Plan** : ordonner les étapes", "**Bilan** : vérifier les résultats et améliorer"),
    "list": ("Voici {count} points sur {topic} :",),
    "code": ("Voici une solution en {language} :",),
    "code_end": ("Vous pouvez l'exécuter telle quelle.",),
    "support": ("Bonjour, merci de nous avoir contactés. Je suis désolé pour ce problème.{code} J'ai transmis votre demande et vous aurez une réponse sous 24 heures.",),
    "support_code": (" J'ai bien trouvé votre référence {code}.",),
    "result": ("Selon {tool} : {result}",),
    "result_sum": ("Le résultat de {expression} est {result}.",),
    "failed": ("L'appel à {tool} a échoué : {result}.",),
    "thinking": ("L'utilisateur demande {topic}. ", "Je devrais répondre brièvement et évoquer {second}."),
    "thinking_tool": ("Pour {topic}, l'outil {tool} convient.",),
    "thinking_result": ("Les résultats sont là ; je peux répondre sur {topic}.",),
    "topic": ("ce sujet",),
    "second": ("les bases",),
}  # fmt: skip
_DE: Phrases = {
    "translated": ("(simulierte Übersetzung) {text}",),
    "thanks": ("Gern geschehen! Sagen Sie mir, wenn Sie noch etwas brauchen.",),
    "greeting_name": ("Hallo {name}! Wie kann ich Ihnen helfen?",),
    "greeting": ("Hallo! Wie kann ich Ihnen heute helfen?",),
    "opening": ("Hier ist ein kurzer Überblick über {topic}.",),
    "body": (
        "Der Kern von {topic} ist, das Problem in Teile zu zerlegen, die man einzeln verstehen kann.",
        "Am besten beginnt man mit {second}, denn davon hängt fast alles Weitere ab.",
        "In der Praxis geht es um die Balance zwischen Einfachheit und Kontrolle.",
        "Ein kleines Beispiel hilft: ausprobieren, das Ergebnis prüfen und dann erweitern.",
    ),
    "closing": ("Sagen Sie mir, wenn Sie mehr Einzelheiten möchten.",),
    "items": ("**Ziel**: festlegen, was {topic} erreichen soll", "**Zielgruppe**: wissen, für wen es ist", "**Recherche**: Fakten zu {second} sammeln", "**Plan**: die Schritte ordnen", "**Rückblick**: Ergebnisse prüfen und verbessern"),
    "list": ("Hier sind {count} Punkte zu {topic}:",),
    "code": ("Hier ist eine Lösung in {language}:",),
    "code_end": ("Sie lässt sich unverändert ausführen.",),
    "support": ("Guten Tag, vielen Dank für Ihre Nachricht. Es tut mir leid, dass es Probleme gibt.{code} Ich habe den Fall weitergegeben; Sie hören innerhalb von 24 Stunden von uns.",),
    "support_code": (" Ihre Referenz {code} liegt mir vor.",),
    "result": ("Laut {tool}: {result}",),
    "result_sum": ("Das Ergebnis von {expression} ist {result}.",),
    "failed": ("Der Aufruf von {tool} ist fehlgeschlagen: {result}.",),
    "thinking": ("Die Frage betrifft {topic}. ", "Ich sollte kurz antworten und auf {second} eingehen."),
    "thinking_tool": ("Für {topic} eignet sich {tool}.",),
    "thinking_result": ("Die Ergebnisse sind da; ich kann zu {topic} antworten.",),
    "topic": ("dieses Thema",),
    "second": ("die Grundlagen",),
}  # fmt: skip
_PHRASES: dict[Language, Phrases] = {
    "en": _EN,
    "zh": _ZH,
    "ja": _EN | _JA,
    "ko": _EN | _KO,
    "es": _EN | _ES,
    "fr": _EN | _FR,
    "de": _EN | _DE,
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
