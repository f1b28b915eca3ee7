"""Words that every text has, by language: articles, pronouns, prepositions, auxiliaries.

Nothing that could be praise or a complaint is among them: the lists made for search engines leave out "problem",
"failing" and "great".
"""

from __future__ import annotations

from collections.abc import Mapping

_ENGLISH = """
i me my myself we our ours ourselves you your yours yourself he him his she her hers it its itself they them
their theirs themselves what which who whom whose this that these those am is are was were be been being
have has had having do does did doing would should could will shall can may might must ought i'm you're he's
she's it's we're they're i've you've we've they've i'd you'd we'd they'd i'll you'll we'll they'll isn't
aren't wasn't weren't hasn't haven't hadn't doesn't don't didn't won't wouldn't shan't shouldn't can't
cannot couldn't let's that's who's what's here's there's a an the and but if or because as until while of at
by for with about against between into through during before after above below to from up down in out on off
over under again further then once here there when where why how all any both each few more most other some
such only own same so than too very just also even ever much many really quite get got gets getting one two
would've there still yet
"""
_GERMAN = """
aber alle allem allen aller alles als also am an auch auf aus bei beim bin bis bist da damit dann das dass
dein deine dem den denn der des dich die dies diese diesem diesen dieser dieses dir doch dort du durch ein
eine einem einen einer eines er es etwas euch euer eure für gegen habe haben hat hatte hatten hier hinter
ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im in ins ist ja jede jedem jeden jeder jedes jetzt kann können
könnte man mein meine meinem meinen meiner mich mir mit muss nach nicht noch nun nur ob oder ohne sehr sein
seine seinem seinen seiner sich sie sind so soll sollte sondern um und uns unser unsere unter vom von vor
war waren warum was weil wenn werde werden wie wieder will wir wird wo würde würden zu zum zur zwar zwischen
über
"""
_FRENCH = """
à ai aie ainsi alors au aucun aussi autre aux avait avec avez avoir avons c'est car ce ceci cela celle ces
cet cette ceux chaque comme dans de des donc dont du elle elles en encore entre es est et étaient était été
être eu eux fait faire il ils j'ai je la le les leur leurs lui ma mais me même mes moi mon ne ni nos notre
nous on ont ou où par parce pas peu peut plus pour pourquoi qu'il quand que quel quelle qui sa sans se sera
ses si son sont sous suis sur ta te tes toi ton tous tout toute toutes très tu un une vos votre vous y
"""
_SPANISH = """
a al algo alguno algunos ante antes aunque como con contra cual cuando de del desde donde durante e el él
ella ellas ellos en entre era eran es esa esas ese eso esos esta está están estas este esto estos estoy fue
ha había han has hasta hay he la las le les lo los más me mi mí mis mucho muchos muy nada ni no nos nosotros
nuestra nuestro o os otra otro para pero poco por porque que qué quien se sea ser si sí sin sobre son soy su
sus también tanto te tengo tiene tienen todo todos tu tus un una uno unos usted ya yo
"""
_DUTCH = """
aan al alles als altijd andere ben bij daar dan dat de der deze die dit doch doen door dus een en er ge geen
geweest haar had heb hebben heeft hem het hier hij hoe hun iemand iets ik in is ja je jullie kan kon kunnen
maar me meer men met mij mijn moet na naar niet niets nog nu of om omdat onder ons ook op over reeds te
tegen toch toen tot u uit uw van veel voor want waren was wat werd wezen wie wil worden wordt zal ze zelf
zich zij zijn zo zonder zou
"""
_ITALIAN = """
a ad agli ai al alla alle allo anche avere c'è che chi ci come con cui da dagli dai dal dalla de degli dei
del della delle dello di dove e è ed era essere gli ha hai hanno ho i il in io la le lei li lo loro lui ma
mi mia mie miei mio molto ne negli nei nel nella noi non nostra nostro o per perché più può quando quanto
quella quelle quelli quello questa queste questi questo qui se sei si sia siamo sono sta su sua sue sugli
sui sul sulla suo tra tu tua tuo tutti tutto un una uno vi voi
"""
_PORTUGUESE = """
a ao aos aquela aquele as até com como da das de dela dele do dos e é ela elas ele eles em entre era essa
esse esta está estão este eu foi foram há isso isto já lhe mais mas me mesmo meu meus minha muito na nas não
nem no nos nossa nosso num numa o os ou para pela pelo por porque quando que quem se sem ser seu seus só sua
suas também te tem têm tenho ter teve tu tudo um uma você vocês
"""
_ARABIC = """
في من على إلى عن مع هذا هذه ذلك تلك التي الذي الذين هو هي هم نحن أنا أنت كان كانت يكون لا لم لن ما ماذا كل
بعض أو و ثم قد إن أن إذا لكن بل حتى عند بعد قبل بين كما جدا لقد ليس
"""

STOPWORDS: Mapping[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in (
        ("english", _ENGLISH),
        ("german", _GERMAN),
        ("french", _FRENCH),
        ("spanish", _SPANISH),
        ("dutch", _DUTCH),
        ("italian", _ITALIAN),
        ("portuguese", _PORTUGUESE),
        ("arabic", _ARABIC),
    )
}
