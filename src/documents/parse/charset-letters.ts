/** Letters beside a to z of the languages that are written in Latin, by the charset that has them all. */
export const LATIN_ALPHABETS: Record<string, readonly string[]> = {
  western: [
    'äöüß', // German
    'éèêëàâîïôûùüçœæÿ', // French
    'áéíóúüñªº', // Spanish
    'áâãàçéêíóôõúüªº', // Portuguese
    'àèéìíîòóùú', // Italian
    'åäöéüà', // Swedish, Finnish
    'åæøéèêóòôü', // Danish, Norwegian
    'áðéíóúýþæö', // Icelandic
    'äëïöüéèóáíúêç', // Dutch
    'àèéíïòóúüç·', // Catalan
  ],
  central: [
    'ąćęłńóśźż', // Polish
    'áčďéěíňóřšťúůýž', // Czech
    'áäčďéíĺľňóôŕšťúýž', // Slovak
    'áéíóöőúüű', // Hungarian
    'čćđšž', // Croatian, Slovene, Serbian
    'ăâîşţ', // Romanian
    'äöüß',
  ],
  turkish: ['çğıİöşüâîû'],
  baltic: ['āčēģīķļņšūžõ', 'ąčęėįšųūž', 'äõöüšž'],
};

/** Letters from the most to the least frequent. */
export const LETTERS_BY_FREQUENCY: Record<string, string> = {
  Cyrillic: 'оеаинтсрвлкмдпуяызьбгчйхжшюцщэфъёіїєґў',
  Greek: 'αοιετσνηυρπκμλςωάίδγέόχθήφύώβξζψϊϋΐΰ',
  Hebrew: 'יוהלאמרתשבנעדחפקכטסגזצםןךףץ',
  Arabic: 'اليمنروتبةدعسفهكقحجأشصىطخذءضثإغزظئؤآ',
  Thai: 'านรอกเงมยลวดทสตะปบคหแจพชขใไโผซณฟศถภษญฉธฐฏฎฑฒฬฮฌฆฝฃฅ',
};

/** The most frequent signs: of Chinese, and syllables of Korean. */
export const COMMON_HAN = new Set(
  '的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应向头文体政美相见被利什二等产或新己制身果加西月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直资命山金指统区保至形社便空决治展马科司五基书非则听白界达光放强即像难且权思完设式色路记南品住告类求据程北边死该交规万取格望术领共确传师观清今切院让识候带导争运價這個們來時會對說發後過現電車國學產名称价格数灯椅桌',
);
export const COMMON_HANGUL = new Set(
  '이다는의에을가고하지한로도사기를리서은인대어자그수나들시일아정있보스과게으해전부여제구만원것라주성장상오비면관유공소무용신경안선요학우실연동품모내생반러년조국중미발방결작계문물화당했교세명적개회분업불되격',
);
