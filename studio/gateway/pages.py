"""The few pages that the gateway answers by itself."""

import html

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>body{{font:16px/1.5 system-ui,sans-serif;max-width:36em;margin:12vh auto;padding:0 1em;
color-scheme:light dark}}</style><h1>{title}</h1><p>{text}</p><p><a href="{link}" target="_top">Open the studio</a></p>
"""


def make_page(title: str, text: str, link: str) -> str:
    return PAGE.format(title=html.escape(title), text=html.escape(text), link=html.escape(link))
