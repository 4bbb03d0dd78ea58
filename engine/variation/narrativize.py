"""x"""


def narrativize(text: str) -> str:
    return text
