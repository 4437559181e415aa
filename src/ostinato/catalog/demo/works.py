"""Which scores of the music21 corpus the demo plays: a list, because a few scores of it take minutes to parse or fail.

Chosen once, by drawing from each collection those that parse in under a second; one movement of a mass, one version of a
piece that the corpus holds several times. The label is the style or the dance that the collection states, never a guess of
ours. Hornpipes are left out: that collection writes them as it writes reels (same metre, same running notes).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_POLYPHONY = """
Benedictus_58 Agnus_I_57 Kyrie_06_a Sanctus_91 Sanctus_52 Kyrie_100 Sanctus_94_a Credo_38_a Kyrie_64_a Agnus_I_51
Agnus_12 Credo_61_a Benedictus_20_a Sanctus_96_a Credo_29_a Agnus_I_80 Benedictus_89_a Credo_90_a Sanctus_93
Agnus_I_15 Kyrie_03_a Kyrie_04 Credo_23_a Credo_37_a Sanctus_71_a Credo_11_a Benedictus_53_a Benedictus_66_a
Benedictus_95 Kyrie_62_a Agnus_I_47 Sanctus_22_a Kyrie_26_a Agnus_I_78 Sanctus_40 Kyrie_09 Sanctus_28_a Sanctus_97
Kyrie_63 Gloria_92 Kyrie_102 Sanctus_86 Sanctus_60_a Benedictus_67 Sanctus_82 Kyrie_83 Benedictus_05_a Agnus_I_65
"""
_CHORALE = """
305 245.28 110.7 125.6 257 165.6 432 3.6 256 8.6 357 322 176.6 289 88.7 194.12 340 164.6 244.62 276 245.40 392 87.7
437 48.3 356 379 398 304 38.6 291 122.6 266 227.3 391 4.8 402 85.6 339 333 327 227.7 175.7 139.6 161.6 145.5 6.6 31.9
"""
_MADRIGAL = """
4.20 3.4 4.13 5.8 4.18 4.10 4.11 3.5 4.14 3.18 4.4 4.16 3.6 5.7 3.11 3.7 3.1 3.3 5.1 3.19 4.7 3.17 4.3 4.19 4.2 3.15
5.6 3.2 4.8 5.2 3.13 3.9 4.12 4.9 4.6 5.5 4.5 3.8 3.14 3.16 3.10 4.1 5.4 3.20 4.15 4.17 5.3
"""
_TRECENTO = """
06_Giovanni-04_De_Come_Dolce_Mente | 24_8-Gloria Ciconia 8 | 06_8-In Verde Prato | 04-A lle s_andra lo spirt |
13_16-Gloria | 24_9-Gloria Ciconia 9 | 12_20-Agnus Dei Gherardello | 23_15a-Kyrie Humano Generi a |
12_15-Sanctus Lorenzo | 06_Giovanni-07_In_Sulla_Ripa | 12_7-Gloria Egardus | 12_3-Gloria Gherardello |
24_22-O beatum incendium | 24_19-Ut te per omnes celitus- Ingens alumnus padue | 12_16-Sanctus PMFC12.16 |
24_20-Padu... serenans | 23_17-Kyrie Principum Effectivum | 23_26-Kyrie O Virgo Sacrata Maria | 23_16-Kyrie Apt 16 |
04-Si dolce non sono | 06_Giovanni-02-Apress_un_fiume_a | 12_19-Sanctus Barbitonsoris | 12_21-Benedicamus PMFC12.21 |
06-Jacopo-03a-Di_Novo | 06_10-I senti gia come l_arco | 13_08-Gloria (Ad Ongni Vento) |
01-Vos Qui Admiramini Gratissima virginis species | 12_2-Gloria (Gubbio) | 06_Giovanni-06_Fra_Mille_Corvi |
23_25-Kyrie Barcelona 853 | 23_20-Kyrie O Sacra Virgo Beata | 12_17-Sanctus Gratiosus | 12_8-Gloria London 29987 |
12_12-Credo Bartholus | 12_14-Credo Phillippoctus | 12_18-Sanctus Mediolano | 06-Jacopo-01-Aquila-Altera |
04-Quanto piu caro | 24_11-Credo Ciconia 11 | 13_10-Gloria | 24_2-Credo Ciconia 2 | 06_Giovanni-03-Chon_brachi_assai |
12_10a-Credo PMFC12.10a | 06_Giovanni-01-Angnel_son_biancho | 06-Jacopo-02-Con-Gran-Furor
"""
_JIG = """
OldWallsOfLiscarroll FlamingOFlanigans OwnysBest MrsMonroes PrinceCharles PaddyWhack CherishTheLadies KittyOfOulart
BloomingMeadows SmashTheWindows Tempest LittleHouseUnderTheHill DoubleHead SleepingOnADoorStep JacksonsBottleOfBrandy
TripToGalway SpiritsOfWhisky PaddyCareysFortune GarryOwen FastenTheWigOnHer LittleBrownJug BannocksOBarleyMeal
LimerickLass GeeseInTheBog HasteToTheWedding CroppiesLieDown HumourOfGlen SheeLaNaQuira BostonCaledonianClubs
ParnellAndIreland BullyForYou BriskYoungLads LarryOGaff HighwayToDublin ButchersMarch SkiverTheQuilt BrokenLantern
TeddyMalos OConnellsWelcome IrishShowBoy LightAndAiry StropTheRazor MollInTheWad CatholicBills CatInTheHopper
MunsterLass SheriffMuldoons MountYourBaggage
"""
_REEL = """
YouBet BoyInTheGap RathkealeHunt OldTempleHouse HarrisonsCelebrated Tullochgorum BoyneHunt MerryNightAtTumbleBrig
NewPolicemans IrishAmerican MissHorgans HitOrMiss HiberniasPride JennysWedding CheeseIt MasonsApron MargerysFavorite
SleepyMaggie WideAwake MarquisHansleys MayPole EchoesFromForestGarden NedKendallsFavorite Tornado WakeUpSusan FireFly
Blackwater WalkerStreet WindThatShakesTheBarley LadyForbes Unknown DevilAmongTheTailors BoysInBlue HumoursOfRockstown
BrokenSixpence Arbana GreenFlagIsFlying LordDalhousies LadyElginsCourtship TomAndJerry Salamanca RoseBud HoneyMoon
ArkansasTraveller GreetingToIreland HobbsFavorite CorporalCaseysFancy Shaws
"""
_STRATHSPEY = """
OfAwTheAirtsTheWindsCanBlow OerTheMoorAmongTheHeather AWillieWeHaveMissdYou LordByronsFavorite MrsAdyes MissStuarts
Garthlands MoneyMusk NewBrigOfGlasgow CaledonianClub MyLoveIsLikeTheRedRedRose 42dHighlandRegiment LadyBairds
LordJohnCampbells MrWorthlands LordAlexanderGordons Carmichaels LadyCharlottOfBraids LassWithTheYellowCoatee
MyLadysGoonHasGairsOnt CaledonianHunt DuchessOfAthols MaidOfIsla MarquisOfHuntlys DuncanDavidson Strathearn
PushAboutTheJorum LadyLoudens AlistairMaclalastair UpAndWaurThemAWillie RoysWife SandyBuchanans MillerOfDrone
LadyMaryRamsays NealGowsWife ImOerYoungToMarryYet BoatieRows Jarnoviches BellesOfCampbelltown BonnieLassie
BonniestLassInAyer MarchionessOfHuntlys LochNaGar WhatTheDeilAilsYou MissDrummondOfPerth LadyAmiStewarts LookBeforeYou
SirGeorgeClargs
"""


@dataclass(frozen=True)
class Work:
    """One score: where it lies in the corpus, what it is called, and the label that its collection gives it."""

    label: str
    path: str  # relative to the corpus
    key: str  # names the work among all works; clips of one work share it
    title: str
    composer: str


@dataclass(frozen=True)
class _Collection:
    label: str
    names: tuple[str, ...]
    path: str  # with {name}
    title: str  # with {name}
    composer: str


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_COLLECTIONS = (
    _Collection("polyphony", _words(_POLYPHONY), "palestrina/{name}.krn", "{name}", "Giovanni Pierluigi da Palestrina"),
    _Collection("chorale", _words(_CHORALE), "bach/bwv{name}.mxl", "BWV {name}", "Johann Sebastian Bach"),
    _Collection(
        "madrigal", _words(_MADRIGAL), "monteverdi/madrigal.{name}.mxl", "Madrigal {name}", "Claudio Monteverdi"
    ),
    _Collection(
        "trecento",
        tuple(n.strip() for n in _TRECENTO.replace("\n", " ").split("|")),
        "trecento/PMFC_{name}.xml",
        "{name}",
        "",
    ),
    _Collection("jig", _words(_JIG), "ryansMammoth/{name}Jig.abc", "{name}", "Traditional"),
    _Collection("reel", _words(_REEL), "ryansMammoth/{name}Reel.abc", "{name}", "Traditional"),
    _Collection("strathspey", _words(_STRATHSPEY), "ryansMammoth/{name}Strathspey.abc", "{name}", "Traditional"),
)
# The edition (Polyphonic Music of the Fourteenth Century) gives volume 4 to Landini and volume 24 to Ciconia.
_TRECENTO_COMPOSERS = {
    "Jacopo": "Jacopo da Bologna",
    "Giovanni": "Giovanni da Cascia",
    "Gherardello": "Gherardello da Firenze",
    "Lorenzo": "Lorenzo da Firenze",
    "Gratiosus": "Gratiosus de Padua",
    "Bartholus": "Bartolo da Firenze",
    "Egardus": "Egardus",
    "04-": "Francesco Landini",
    "24_": "Johannes Ciconia",
}
LABELS = tuple(collection.label for collection in _COLLECTIONS)


@lru_cache(maxsize=1)
def works() -> dict[str, tuple[Work, ...]]:
    """Every work of the demo by label, in the fixed order in which a growing catalogue takes them.

    >>> sorted(works())[:3], works()["jig"][0].title
    (['chorale', 'jig', 'madrigal'], 'Old Walls Of Liscarroll')
    """
    return {c.label: tuple(_work(c, name) for name in c.names) for c in _COLLECTIONS}


def _work(collection: _Collection, name: str) -> Work:
    title = _spaced(collection.title.format(name=name)) if collection.label != "chorale" else f"Chorale BWV {name}"
    composer = collection.composer or next(
        (full for mark, full in _TRECENTO_COMPOSERS.items() if mark in name), "Not stated (14th century)"
    )
    key = f"{collection.label}/{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}"
    return Work(collection.label, collection.path.format(name=name), key, title, composer)


def _spaced(name: str) -> str:
    """A file's name as a title: numbers of the edition off, words apart."""
    bare = re.sub(r"^\d\d[a-z]?[-_](?:\d+[a-z]?[-_])?(?:(?:Jacopo|Giovanni)-\d+[a-z]?[-_])?", "", name)
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", bare)
    return " ".join(apart.replace("_", " ").replace("-", " ").split())
