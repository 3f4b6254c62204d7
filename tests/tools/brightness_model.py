"""A vision-language model small enough for a test, its weights set by hand: it tells bright photos from dark ones, and says so in JSON.

It has a real model's whole way: CLIP's vision tower, LLaVA's projector, Llama, a tokenizer and a chat template, 60,000 parameters in one
folder that `transformers` and `transformers serve` open like any other. Each patch votes bright or dark, attention (all weights equal)
carries the votes to the last token, and the output matrix turns their majority into one of two words, each a whole reply.
"""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)

BRIGHT = '{"verdict": "ok", "where": [], "kind": null, "count": 0, "sentence": "The plate is bright all over."}'
DARK = '{"verdict": "not_ok", "where": ["bottom left"], "kind": "scratch", "count": 1, "sentence": "The plate is dark all over."}'
WORDS = ["<unk>", "<pad>", "<s>", "</s>", "<image>", "<reply>", BRIGHT, DARK]
UNK, PAD, START, END, IMAGE, REPLY, SAYS_BRIGHT, SAYS_DARK = range(len(WORDS))
WIDTH, VISION_WIDTH, SIDE, PATCH = 64, 32, 56, 14
VOTE_BRIGHT, VOTE_DARK = 20, 21  # numbers of a token's 64 that hold the votes; those below belong to the words
TEMPLATE = (
    "{% for turn in messages %}{% if turn.content is string %}{{ turn.content }}{% else %}{% for piece in turn.content %}"
    "{% if piece.type == 'text' %}{{ piece.text }}{% else %}<image>{% endif %}{% endfor %}{% endif %} {% endfor %}"
    "{% if add_generation_prompt %}<reply>{% endif %}"
)


def save(folder: Path, *, template: str = TEMPLATE) -> Path:
    """Writes the model into `folder`, and returns it."""
    with torch.no_grad():
        _network().save_pretrained(folder)
    pixels = CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})
    processor = LlavaProcessor(
        image_processor=pixels, tokenizer=_tokenizer(), patch_size=PATCH, vision_feature_select_strategy="default",
        num_additional_image_tokens=1, chat_template=template,
    )  # fmt: skip
    processor.save_pretrained(folder)
    return folder


def _tokenizer() -> PreTrainedTokenizerFast:
    words = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token=WORDS[UNK]))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    words.add_special_tokens([WORDS[i] for i in (UNK, PAD, START, END, IMAGE, REPLY)])
    return PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token=WORDS[UNK], pad_token=WORDS[PAD], bos_token=WORDS[START], eos_token=WORDS[END]
    )


def _network() -> LlavaForConditionalGeneration:
    vision = CLIPVisionConfig(
        hidden_size=VISION_WIDTH, intermediate_size=32, num_hidden_layers=1, num_attention_heads=1, image_size=SIDE, patch_size=PATCH
    )
    text = LlamaConfig(
        vocab_size=len(WORDS), hidden_size=WIDTH, intermediate_size=64, num_hidden_layers=1, num_attention_heads=1, num_key_value_heads=1,
        max_position_embeddings=8192, bos_token_id=START, eos_token_id=END, pad_token_id=PAD,
    )  # fmt: skip
    config = LlavaConfig(vision_config=vision, text_config=text, image_token_index=IMAGE, vision_feature_layer=-1, image_seq_length=16)
    network = LlavaForConditionalGeneration(config)
    network.generation_config.eos_token_id, network.generation_config.pad_token_id = END, PAD
    named = dict(network.named_parameters())
    for name, weights in named.items():
        weights.zero_()
        if "norm" in name and name.endswith("weight"):
            weights.fill_(1.0)
    pattern = torch.tensor([1.0, -1.0]).repeat(VISION_WIDTH // 2)  # its mean is 0, so that layer norms leave only its sign
    _one(named, "patch_embedding.weight").copy_(pattern.view(-1, 1, 1, 1).expand(-1, 3, PATCH, PATCH))
    _one(named, "linear_1.weight")[0], _one(named, "linear_1.weight")[1] = pattern, -pattern
    _one(named, "linear_2.weight")[VOTE_BRIGHT, 0] = _one(named, "linear_2.weight")[VOTE_DARK, 1] = 1.0
    _one(named, "embed_tokens.weight")[:] = torch.eye(len(WORDS), WIDTH)
    for vote in (VOTE_BRIGHT, VOTE_DARK):
        _one(named, "language_model.layers.0.self_attn.v_proj.weight")[vote, vote] = 1.0
        _one(named, "language_model.layers.0.self_attn.o_proj.weight")[vote, vote] = 1000.0
    out = _one(named, "lm_head.weight")
    out[SAYS_BRIGHT, VOTE_BRIGHT] = out[SAYS_DARK, VOTE_DARK] = 1.0
    out[END, SAYS_BRIGHT] = out[END, SAYS_DARK] = 1e5  # after either reply nothing follows
    return network


def _one(named: dict[str, torch.nn.Parameter], ending: str) -> torch.nn.Parameter:
    found = [weights for name, weights in named.items() if name.endswith(ending)]
    assert len(found) == 1, (ending, sorted(named))
    return found[0]
