"""Chat templates in the conventions of the families, in our own words and as small as they can be."""

from __future__ import annotations

_END = "{% if add_generation_prompt %}<|assistant|>{% endif %}"
_PLAIN = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}" + _END
_ALTERNATING = """{% set n = namespace(i=0) %}{% for m in messages %}{% if m.role == 'system' or m.role == 'tool' -%}
{{ raise_exception('what is this role?') }}{% endif %}{% if (m.role == 'user') != (n.i % 2 == 0) -%}
{{ raise_exception('they must take turns') }}{% endif %}{% set n.i = n.i + 1 %}{% endfor %}"""

TEMPLATES = {
    "generic": _PLAIN,
    "generic, strict": _ALTERNATING + _PLAIN,
    "hermes": """{% if tools %}Functions:{% for t in tools %}
{{ t | tojson }}{% endfor %}
Call as <tool_call>{"name": ..., "arguments": ...}</tool_call>
{% endif %}{% for m in messages %}<|{{ m.role }}|>{{ m.content.strip() }}{% for c in m.tool_calls or [] -%}
<tool_call>{{ '{"name": "' ~ c.function.name ~ '", "arguments": ' ~ (c.function.arguments | tojson) }}}</tool_call>
{%- endfor %}{% endfor %}"""
    + _END,
    "llama": """{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>
{% if tools and loop.last %}{{ tools | tojson }}{% endif -%}
{% if 'tool_calls' in m %}{% if m.tool_calls | length != 1 %}{{ raise_exception('one call a message') }}{% endif -%}
{% set f = m.tool_calls[0].function %}{"name": "{{ f.name }}", "parameters": {{ f.arguments | tojson }}}
{%- else %}{{ m.content | trim }}{% endif %}{% endfor %}"""
    + _END,
    "mistral": """{% for m in messages %}{% if m.role == 'user' %}{% if tools and loop.last -%}
[AVAILABLE_TOOLS]{{ tools | tojson }}[/AVAILABLE_TOOLS]{% endif %}[INST]{{ m.content }}[/INST]
{%- elif m.tool_calls is defined and m.tool_calls is not none %}[TOOL_CALLS][{% for c in m.tool_calls -%}
{% if c.id | length != 9 %}{{ raise_exception('nine characters') }}{% endif -%}
{{ (c.function | tojson)[:-1] }}, "id": "{{ c.id }}"}{% endfor %}]
{%- elif m.role == 'tool' %}{% if m.tool_call_id | length != 9 %}{{ raise_exception('nine characters') }}{% endif -%}
[TOOL_RESULTS]{{ m.content }}{{ m.tool_call_id }}[/TOOL_RESULTS]{% else %}{{ m.content }}{% endif %}{% endfor %}""",
    "mistral, names first": """{% if tools %}[AVAILABLE_TOOLS]{{ tools | tojson }}[/AVAILABLE_TOOLS]{% endif -%}
{% for m in messages %}{{ m.content }}{% for c in m.tool_calls or [] -%}
[TOOL_CALLS]{{ c.function.name }}[CALL_ID]{{ c.id }}[ARGS]{{ c.function.arguments | tojson }}{% endfor -%}
{% endfor %}""",
    "functionary": """{% if tools %}{{ tools | tojson }} Call as <function=name>{...}</function>{% endif -%}
{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% for c in m.tool_calls or [] -%}
<function={{ c.function.name }}>{{ c.function.arguments | tojson }}</function>{% endfor %}{% endfor %}"""
    + _END,
    "glm-4": """[gMASK]<sop>{% if tools %}<|system|>{% for t in tools %}## {{ t.function.name }}
{{ t.function | tojson }}{% endfor %}{% endif %}{% for m in messages %}{% if m.role == 'observation' -%}
<|observation|>
{% else %}<|{{ m.role }}|>{{ m.metadata or '' }}
{% endif %}{{ m.content }}{% endfor %}"""
    + _END,
    "glm-4, tools in system": """[gMASK]<sop>{% for item in messages %}{% if item['tools'] is defined -%}
<|system|>{{ item['tools'] | tojson }}{% endif %}<|{{ item.role }}|>{{ item.metadata }}
{{ item.content }}{% endfor %}{# <|observation|> #}""",
    "glm-4.5": """[gMASK]<sop>{% if tools %}<|system|>{{ tools | tojson }}{% endif %}{% for m in messages -%}
{% if m.role == 'tool' %}<|observation|>{% else %}<|{{ m.role }}|>{% endif %}{{ m.content -}}
{% for c in m.tool_calls or [] %}
<tool_call>{{ c.function.name }}
{% for k, v in c.function.arguments.items() %}<arg_key>{{ k }}</arg_key>
<arg_value>{{ v if v is string else v | tojson }}</arg_value>
{% endfor %}</tool_call>{% endfor %}{% endfor %}"""
    + _END,
    "qwen3-coder": """{% if tools %}{{ tools | tojson }}{% endif %}{% for m in messages -%}
<|{{ m.role }}|>{{ m.content }}
{%- for c in m.tool_calls or [] %}
<tool_call>
<function={{ c.function.name }}>
{% for k, v in c.function.arguments.items() %}<parameter={{ k }}>
{{ v if v is string else v | tojson }}
</parameter>
{% endfor %}</function>
</tool_call>{% endfor %}{% endfor %}"""
    + _END,
}
