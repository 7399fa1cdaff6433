/* Words that decide where a sentence ends, in six languages. Folded, each table sorted by its bytes. */
#ifndef MATCH_ABBREVIATIONS_H
#define MATCH_ABBREVIATIONS_H

/* Their dot never ends a sentence: titles, months and the like, which something always follows. */
static const char *const abbreviations[] = {
    "abp", "abzgl", "adm", "amb", "approx", "apr", "aug", "av", "bp", "brig", "bzw", "ca", "capt", "cdr", "cf",
    "cmdr", "cne", "col", "cpl", "dec", "dept", "dipl", "dr", "dres", "dyr", "ehem", "einschl", "env", "evtl",
    "feb", "févr", "gal", "geb", "gen", "genlt", "genmaj", "gest", "ggf", "ggfs", "godz", "gosp", "gov", "hab",
    "hon", "hptm", "hr", "im", "inkl", "insp", "inż", "jan", "janv", "juil", "jul", "jun", "kpt", "ks", "lt",
    "maj", "mar", "messrs", "mgr", "mjr", "mlle", "mme", "mr", "mrs", "ms", "msgr", "mt", "nov", "np", "obstlt",
    "oct", "olt", "pl", "por", "ppor", "ppłk", "prof", "przew", "pvt", "płk", "radm", "rep", "reps", "rev",
    "sen", "sens", "sep", "sept", "sgt", "sierż", "sog", "sr", "st", "stv", "supt", "tj", "tzn", "tzw", "ul",
    "vadm", "vgl", "vs", "wg", "wicemin", "ww", "zob", "zzgl", "św", "адм", "акад", "англ", "бул", "вул", "гв",
    "ген", "див", "доц", "зам", "заст", "им", "лейт", "наз", "напр", "наприклад", "нач", "нем", "нім", "пл",
    "подполк", "просп", "проф", "підполк", "рр", "св", "серж", "см", "ср", "ст", "т", "тов", "ул", "ім",
};

/* Their dot ends a sentence only before a word that starts one: "Inc. The", but "Inc. Chairman". */
static const char *const closing_abbreviations[] = {
    "al", "bros", "co", "corp", "dpa", "etc", "inc", "itd", "itp", "jr", "llc", "ltd", "mio", "mld", "mrd",
    "plc", "tys", "u", "uam", "usw", "гг", "гр", "грн", "долл", "др", "кап", "млн", "млрд", "обл", "полк", "пр",
    "руб", "тис", "тыс", "ін",
};

/* Abbreviations only before a number: "No. 5". */
static const char *const number_abbreviations[] = {
    "abs", "art", "arts", "bd", "chap", "circa", "est", "fig", "figs", "lit", "max", "min", "nn", "no", "nos",
    "nr", "nrs", "ok", "pkt", "poz", "pp", "ryc", "rys", "str", "ust", "vol", "гл", "км", "п", "пп", "рис",
    "розд", "стор", "стр", "ч",
};

/* Words that start a sentence when they have a capital after an abbreviation ("in the U.S. The"). */
static const char *const starters[] = {
    "a", "aber", "according", "after", "ale", "all", "also", "am", "an", "and", "après", "as", "at", "au",
    "auch", "auf", "aux", "außerdem", "avec", "before", "bei", "bereits", "both", "but", "by", "ce",
    "cependant", "ces", "cette", "d", "dabei", "damit", "dans", "das", "de", "depuis", "der", "des", "die",
    "dies", "diese", "dieser", "dieses", "do", "doch", "dort", "du", "each", "earlier", "ein", "eine", "einen",
    "elle", "elles", "en", "er", "es", "for", "from", "für", "gdy", "he", "her", "his", "however", "i", "ich",
    "if", "ihm", "ihr", "il", "ils", "im", "in", "it", "its", "jak", "jednak", "jego", "jej", "już", "kiedy",
    "l", "la", "last", "laut", "le", "les", "leur", "mais", "many", "meanwhile", "mit", "na", "nach", "nie",
    "nous", "nun", "o", "ob", "od", "officials", "on", "our", "par", "po", "pour", "przed", "również", "sa",
    "seit", "selon", "ses", "she", "sie", "since", "so", "some", "son", "such", "ta", "także", "te", "ten",
    "that", "the", "their", "then", "there", "these", "they", "this", "those", "to", "un", "under", "une",
    "von", "w", "we", "według", "wenn", "what", "when", "while", "who", "wie", "wir", "with", "yet", "z", "za",
    "ze", "zu", "zudem", "zuvor", "à", "але", "в", "во", "водночас", "вона", "вони", "від", "він", "для", "до",
    "его", "ее", "её", "з", "за", "зі", "и", "их", "й", "його", "как", "кроме", "крім", "ми", "мы", "на",
    "наразі", "но", "о", "об", "однак", "однако", "он", "она", "они", "от", "по", "после", "поэтому", "при",
    "про", "проте", "під", "після", "ранее", "раніше", "с", "со", "та", "также", "також", "тому", "у", "це",
    "цей", "ця", "ці", "эта", "эти", "это", "этот", "як", "і", "із", "їх", "її",
};

/* After a number of two digits and a dot, these make it an ordinal: "am 3. Juli". */
static const char *const after_ordinals[] = {
    "april", "armee", "august", "bataillon", "batalion", "brigade", "brygada", "brygady", "brygadzie",
    "dezember", "division", "dywizja", "dywizji", "februar", "halbjahr", "infanteriedivision", "jahr",
    "jahrestag", "jahrhundert", "januar", "juli", "juni", "jänner", "korps", "korpus", "lebensjahr",
    "lieferung", "luftlandedivision", "mai", "mal", "märz", "november", "oktober", "paket", "panzerbataillon",
    "panzerbrigade", "panzerdivision", "platz", "pułk", "quartal", "regiment", "sanktionspaket", "september",
    "stelle", "tag", "tranche", "weltkrieg", "woche",
};

#endif
