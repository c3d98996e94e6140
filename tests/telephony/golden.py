"""Writes the golden transcripts anew, after a form or an entry was changed on purpose:
`python -m tests.telephony.golden`."""

from tests.telephony.test_exports import FORMS, GOLDEN, WHOLE


def main() -> None:
    for form, (written, _, _) in FORMS.items():
        (GOLDEN / f"transcript.{form}").write_bytes(written(WHOLE))


if __name__ == "__main__":
    main()
