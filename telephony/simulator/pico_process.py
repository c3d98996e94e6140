"""What SVOX Pico says, in a process of its own: texts from stdin, samples to stdout (see pico)."""

import base64
import json
import sys

from py_nanotts import NanoTTS


def main() -> None:
    asked = json.load(sys.stdin)
    pico = NanoTTS()
    spoken = [pico.speak(text, **asked["manner"]) for text in asked["texts"]]
    json.dump([base64.b64encode(pcm).decode() for pcm in spoken], sys.stdout)


if __name__ == "__main__":
    main()
