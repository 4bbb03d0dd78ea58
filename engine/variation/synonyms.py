"""Plain words that can stand for one another, with their inflected forms: the vocabulary of the noise.

Verbs are only those whose past tense equals their participle, and words that are also another part of speech are
left out unless the whole group is, so that a swap needs no parser.
"""

from __future__ import annotations

from functools import cache

_FIXED = """
big large | strange odd | old ancient | silent quiet | terrible awful
happy glad | sad unhappy | huge enormous | rich wealthy | easy simple | wet damp | cold chilly
whole entire | actual real | normal usual | common ordinary | broad wide | feeble weak
powerful strong | clever smart | empty vacant | unknown unfamiliar | concealed hidden | chief main
beautiful lovely | hideous ugly | bold brave | calm peaceful | cruel harsh | dirty filthy | dangerous perilous
false untrue | foolish silly | gentle mild | dreadful horrible | mysterious puzzling | rare uncommon | ill sick
abrupt sudden | tired weary | crazy insane | frightened scared afraid | lonely solitary | tiny small | vast immense
exact precise | complete total | famous renowned | fierce savage | rough coarse
loud noisy | eager keen | curious inquisitive | angry furious | anxious worried | useful handy
useless worthless | careful cautious | distant remote | proper suitable
almost nearly | frequently often | maybe perhaps | quickly rapidly | gradually slowly | eventually finally
abruptly suddenly | really truly | shortly soon | although though | till until | toward towards | beneath under
completely entirely fully | partially partly | mainly mostly | clearly plainly | certainly surely | beside near
quietly silently | always constantly | occasionally sometimes | oddly strangely
awfully terribly | immediately instantly | easily readily | carefully cautiously
inside within | amid among | apparently seemingly | exactly precisely | normally usually | upon on | likewise similarly
merely simply | deeply profoundly | powerfully strongly | badly poorly | entirely wholly | wearily tiredly
"""
_NOUNS = """
street road | ship vessel | rock stone | hill mound | noise sound | odor smell | image picture
story tale | dread fear | idea notion | place spot | object thing | form shape | child youngster | companion friend
town village | path track | chamber room | job task | journey trip | error mistake
outcome result | border edge | fury rage | danger peril | aid help | doctor physician | ocean sea | area region
answer reply | cloth fabric | coat jacket | bag sack | box crate | shop store
illness sickness disease | bravery courage | battle fight | fortune luck | pupil student | enemy foe | robber thief
automobile car | laborer worker | instructor teacher | outsider stranger | center middle
legend myth | puzzle riddle | beast creature | cave cavern | basement cellar | grave tomb
ghost spirit | insanity madness | memory recollection | custom habit
ability skill | evidence proof | clue hint | crime offense | policeman cop | sailor seaman
author writer | researcher scientist | guest visitor | neighbor resident | holder owner | wife spouse
harbor port | coast shore | alley lane | fence railing | carpet rug | couch sofa | lamp lantern | garbage trash
meal supper | instrument tool | device machine | engine motor | document paper | journal newspaper
query question | fact truth | fluid liquid | mud slime | dirt soil | entrance gate | cliff precipice
marsh swamp | storm tempest | blaze fire
"""
_VERBS = """
stroll walk | shout yell | frighten scare | end finish | halt stop | attempt try | desire want
detest hate | push shove | drag pull | jump leap
appear seem | happen occur | observe watch | discover find | collect gather | fix repair
journey travel | roam wander | remain stay | dwell reside | die perish | allow permit
depict describe | clarify explain | guess suppose | hurry rush | grab seize | buy purchase
obtain receive | recall remember | examine inspect | follow pursue | avoid evade | shatter smash | quiver tremble
scream shriek | murmur whisper | grin smile | encircle surround | combine merge
lessen reduce | lift raise | move shift | connect join | damage harm | defend protect
guide lead | contain include | encounter meet | disappear vanish | observe notice | attain reach | display exhibit
decay rot | decline refuse | alert warn | gaze stare | crawl creep | ascend climb | enter penetrate
capture trap | create produce | consume devour | inhabit occupy | confirm verify
expose reveal | annoy bother | admire esteem | arrange organize | acquire gain | mend repair
"""
_IRREGULAR_PLURALS = {
    "thief": "thieves",
    "child": "children",
    "policeman": "policemen",
    "seaman": "seamen",
    "wife": "wives",
}
_IRREGULAR_PASTS = {"find": "found", "buy": "bought", "lead": "led", "meet": "met", "dwell": "dwelt", "creep": "crept"}
_DOUBLING = frozenset({"stop", "drag", "grab", "grin", "rot", "trap", "permit", "occur"})


def _with_s(word: str) -> str:
    if word in _IRREGULAR_PLURALS:
        return _IRREGULAR_PLURALS[word]
    if word.endswith(("s", "x", "ch", "sh")):
        return word + "es"
    return word[:-1] + "ies" if word.endswith("y") and word[-2] not in "aeou" else word + "s"


def _verb_forms(verb: str) -> tuple[str, ...]:
    stem = verb + verb[-1] if verb in _DOUBLING else verb.removesuffix("e")
    past = verb[:-1] + "ied" if verb.endswith("y") and verb[-2] not in "aeou" else stem + "ed"
    progressive = "dying" if verb == "die" else stem + "ing"
    return verb, _with_s(verb), _IRREGULAR_PASTS.get(verb, past), progressive


def _groups(table: str) -> list[list[str]]:
    return [group.split() for line in table.strip().splitlines() for group in line.split("|")]


@cache
def synonyms() -> dict[str, tuple[str, ...]]:
    """Lower-case word -> the words that may replace it, in the same inflection and a fixed order."""
    aligned: list[list[tuple[str, ...]]] = [[(word,) for word in group] for group in _groups(_FIXED)]
    aligned += [[(noun, _with_s(noun)) for noun in group] for group in _groups(_NOUNS)]
    aligned += [[_verb_forms(verb) for verb in group] for group in _groups(_VERBS)]
    table: dict[str, list[str]] = {}
    for group in aligned:
        for forms in group:
            for column, word in enumerate(forms):
                others = [other[column] for other in group if other[column] != word]
                table.setdefault(word, []).extend(word for word in others if word not in table.get(word, ()))
    return {word: tuple(dict.fromkeys(others)) for word, others in table.items()}
