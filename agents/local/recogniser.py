"""What did the caller say? Moonshine tiny, listening openly or for what is expected.

Usefulsensors, Moonshine (arXiv 2410.15608): an encoder over raw 16 kHz audio and a decoder that
writes text token by token. Listening for what is expected is a beam search over those writings
only that can still match a pattern; it is believed unless the open writing is far more likely.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray
from onnxruntime import InferenceSession

from agents.local.expectation import Expectation
from agents.local.vocabulary import (
    END,
    START,
    Grammar,
    Grammars,
    Ids,
    LogProbs,
    Vocabulary,
    follow,
)

RATE = 16_000
LAYERS = 6
HEADS = 8
HEAD_SIZE = 36
TOKENS_PER_SECOND = 6.5
"""The model repeats itself on noise; real speech stays below this."""
LEAST_SECONDS = 1.0
"""Shorter audio is padded: the model was trained on longer and invents words otherwise."""
PAD_SECONDS = 0.25
BEAMS = 4
LEAST_END = -1.0
"""Log-probability of ending here that an expected writing needs. A whole answer ends for certain
(above -0.1); one that leaves the rest of the sentence out, as `Yes.` for `Yes, but make it four`,
does not (below -1.7).
"""

Audio = NDArray[np.float32]
Cache = list[NDArray[np.float32]]

_CACHE = [
    f"past_key_values.{layer}.{side}.{part}"
    for layer in range(LAYERS)
    for side in ("decoder", "encoder")
    for part in ("key", "value")
]
_DECODER_SIDE = [at for at, name in enumerate(_CACHE) if ".decoder." in name]
_PRESENT = [_CACHE[at].replace("past_key_values", "present") for at in _DECODER_SIDE]
_ALL_PRESENT = [name.replace("past_key_values", "present") for name in _CACHE]


class Recognition(msgspec.Struct, frozen=True):
    """What was said."""

    text: str
    """As the model writes it: `Three thirty p.m.`; empty when nothing was made out."""
    constrained: bool
    """The text matches what was expected."""
    margin: float
    """Natural log of how much likelier the open writing is than the expected one; a lower
    bound when the search for the latter was given up."""


class Writing(msgspec.Struct, frozen=True):
    """One possible text, as far as it is written."""

    tokens: tuple[int, ...]
    text: str
    """As `vocabulary.follow` makes it."""
    logprob: float
    parent: int
    """Its row in the decoder's last step."""


class Recogniser:
    """Blocking: to be run in a worker thread. One instance serves all calls."""

    def __init__(
        self, encoder: InferenceSession, decoder: InferenceSession, vocabulary: Vocabulary
    ) -> None:
        self._encoder = encoder
        self._decoder = decoder
        self._vocabulary = vocabulary
        self._grammars = Grammars(vocabulary)

    def warm(self) -> None:
        self.recognise(np.zeros(RATE, np.float32), Expectation(pattern="yes|no"))

    def recognise(self, audio: Audio, expect: Expectation) -> Recognition:
        """`audio`: mono float32 at 16 kHz, one turn of the caller."""
        limit = 1 + int(TOKENS_PER_SECOND * max(audio.size / RATE, LEAST_SECONDS))
        padded = _padded(audio)
        mask = np.ones((1, padded.size), np.int64)
        hidden = self._encode(padded, mask)
        tokens, open_logprob = self._open(Steps(self._decoder, hidden, mask), limit)
        text = self._vocabulary.join(tokens)
        if expect.pattern is None:
            return Recognition(text, constrained=False, margin=0.0)
        grammar = self._grammars.of(expect.pattern)
        if grammar.complete(follow("", text)):
            return Recognition(text, constrained=True, margin=0.0)
        floor = open_logprob - expect.margin
        best = self._expected(Steps(self._decoder, hidden, mask), grammar, limit, floor)
        margin = open_logprob - best.logprob
        if best.tokens[-1:] == (END,) and margin <= expect.margin:
            return Recognition(self._vocabulary.join(list(best.tokens)), True, margin)
        return Recognition(text, constrained=False, margin=margin)

    def _encode(self, audio: Audio, mask: Ids) -> Audio:
        feed = {"input_values": audio[None, :], "attention_mask": mask}
        hidden: Audio = self._encoder.run(None, feed)[0]
        return hidden

    def _open(self, steps: "Steps", limit: int) -> tuple[list[int], float]:
        """The greedy writing and its log-probability, its end included."""
        tokens = [START]
        total = 0.0
        while tokens[-1] != END and len(tokens) <= limit:
            logprobs = steps.next(tokens[-1:], [0])[0]
            tokens.append(int(np.argmax(logprobs)))
            total += float(logprobs[tokens[-1]])
        return tokens, total

    def _expected(self, steps: "Steps", grammar: Grammar, limit: int, floor: float) -> Writing:
        """The likeliest writing that matches; not ended if none is likelier than `floor`."""
        alive = [Writing((START,), "", 0.0, 0)]
        best = Writing((), "", floor, 0)
        for _ in range(limit):
            rows = steps.next(
                [writing.tokens[-1] for writing in alive], [writing.parent for writing in alive]
            )
            grown = [
                new
                for row, writing in enumerate(alive)
                for new in self._grow(writing, row, rows[row], grammar)
            ]
            best = max([best, *(new for new in grown if new.tokens[-1] == END)], key=_likelihood)
            alive = sorted(
                (new for new in grown if new.tokens[-1] != END and new.logprob > best.logprob),
                key=_likelihood,
                reverse=True,
            )[:BEAMS]
            if not alive:
                break
        return best

    def _grow(
        self, writing: Writing, row: int, logprobs: LogProbs, grammar: Grammar
    ) -> list[Writing]:
        choices = grammar.best(writing.text, writing.tokens[-1], logprobs, BEAMS)
        if logprobs[END] >= LEAST_END and grammar.complete(writing.text):
            choices.append(END)
        return [
            Writing(
                (*writing.tokens, token),
                writing.text if token == END else self._after(writing.text, token),
                writing.logprob + float(logprobs[token]),
                row,
            )
            for token in choices
        ]

    def _after(self, text: str, token: int) -> str:
        return follow(text, self._vocabulary.text(token))


def _likelihood(writing: Writing) -> float:
    return writing.logprob


def _padded(audio: Audio) -> Audio:
    lacking = max(0.0, LEAST_SECONDS - audio.size / RATE) / 2
    pad = np.zeros(int(max(lacking, PAD_SECONDS) * RATE), np.float32)
    return np.concatenate((pad, audio, pad))


class Steps:
    """The decoder of one utterance, with what it remembers of each writing it follows."""

    def __init__(self, decoder: InferenceSession, hidden: Audio, mask: Ids) -> None:
        """`mask` covers the audio's samples, not the encoder's frames: the model thins it out."""
        self._decoder = decoder
        self._hidden = hidden
        self._mask = mask
        self._cache: Cache = [np.zeros((1, HEADS, 0, HEAD_SIZE), np.float32) for _ in _CACHE]
        self._begun = False

    def next(self, tokens: list[int], parents: list[int]) -> LogProbs:
        """Log-probabilities of all tokens after each of `tokens`, [len(tokens), vocabulary].

        `parents[i]` is the row of the previous step that `tokens[i]` continues.
        """
        rows: Ids = np.array(parents, np.int64)
        size = len(tokens)
        past = [
            cache[rows] if at in _DECODER_SIDE or not self._begun else _repeated(cache, size)
            for at, cache in enumerate(self._cache)
        ]
        feed = dict(zip(_CACHE, past, strict=True)) | {
            "input_ids": np.array(tokens, np.int64)[:, None],
            "encoder_hidden_states": _repeated(self._hidden, size),
            "encoder_attention_mask": np.broadcast_to(self._mask, (size, self._mask.size)),
            "use_cache_branch": np.array([self._begun]),
        }
        logits = self._run(feed)[:, -1]
        return _log_softmax(logits)

    def _run(self, feed: dict[str, object]) -> LogProbs:
        names = _PRESENT if self._begun else _ALL_PRESENT
        logits: LogProbs
        logits, *present = self._decoder.run(["logits", *names], feed)
        if self._begun:
            for at, cache in zip(_DECODER_SIDE, present, strict=True):
                self._cache[at] = cache
        else:
            self._cache, self._begun = list(present), True
        return logits


def _repeated(array: Audio, size: int) -> Audio:
    return np.broadcast_to(array[:1], (size, *array.shape[1:]))


def _log_softmax(logits: LogProbs) -> LogProbs:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    normalised: LogProbs = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return normalised
