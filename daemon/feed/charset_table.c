/*
 * charset: the charsets and their labels (WHATWG Encoding Standard, section 4.2).
 *
 * Labels are compared by their letters and digits alone, so "ISO_8859-1:1987",
 * "iso8859-1" and "ISO 8859/1" need one entry each or none.
 */
#include <string.h>

#include "charset.h"

#define LONGEST_LABEL 40

#define CHARSET(name, iconv, kind, labels)                                                                             \
	{                                                                                                                  \
		name, iconv, FEED_CHARSET_##kind, labels, "labelled utf-8, read as " name, "labelled " name ", read as utf-8", \
			"mislabelled, read as " name, "unlabelled, read as " name                                                  \
	}

/* The iconv names are chosen for what the standard means by a label: its euc-kr is windows-949, its big5 has HKSCS. */
/* clang-format off */
static const struct feed_charset charsets[] = {
	CHARSET("utf-8", "UTF-8", UTF8, "utf8 unicode11utf8 unicode20utf8 xunicode20utf8 utf8mb4 utf8n"),
	CHARSET("utf-16le", "UTF-16LE", UTF16, "utf16 utf16le unicode csunicode iso10646ucs2 ucs2 unicodefeff u16"),
	CHARSET("utf-16be", "UTF-16BE", UTF16, "utf16be unicodefffe"),
	CHARSET("utf-32le", "UTF-32LE", UTF16, "utf32 utf32le ucs4 iso10646ucs4 csucs4 u32"),
	CHARSET("utf-32be", "UTF-32BE", UTF16, "utf32be"),
	CHARSET("windows-1252", "CP1252", SINGLE,
	        "ansix341968 ascii cp1252 cp819 csisolatin1 ibm819 iso88591 isoir100 iso885911987 l1 latin1 usascii "
	        "windows1252 xcp1252 1252 819 latin 8859 iso8859 ansi 646 us csascii iso646us isoir6 "
	        "ansix341986 cp367 ibm367 iso646irv1991"),
	CHARSET("windows-1251", "CP1251", SINGLE, "cp1251 windows1251 xcp1251 1251 wincyr"),
	CHARSET("koi8-r", "KOI8-R", SINGLE, "cskoi8r koi koi8 koi8r"),
	CHARSET("koi8-u", "KOI8-U", SINGLE, "koi8u koi8ru"),
	CHARSET("ibm866", "IBM866", SINGLE, "866 cp866 csibm866 ibm866"),
	CHARSET("iso-8859-5", "ISO-8859-5", SINGLE,
	        "csisolatincyrillic cyrillic iso88595 isoir144 iso885951988 88595"),
	CHARSET("x-mac-cyrillic", "MAC-UK", SINGLE, "xmaccyrillic xmacukrainian maccyrillic macukrainian"),
	CHARSET("windows-1250", "CP1250", SINGLE, "cp1250 windows1250 xcp1250 1250"),
	CHARSET("windows-1253", "CP1253", SINGLE, "cp1253 windows1253 xcp1253 1253"),
	CHARSET("windows-1254", "CP1254", SINGLE,
	        "cp1254 csisolatin5 iso88599 isoir148 iso885991989 l5 latin5 windows1254 xcp1254 1254 88599"),
	CHARSET("windows-1255", "CP1255", SINGLE, "cp1255 windows1255 xcp1255 1255"),
	CHARSET("windows-1256", "CP1256", SINGLE, "cp1256 windows1256 xcp1256 1256"),
	CHARSET("windows-1257", "CP1257", SINGLE, "cp1257 windows1257 xcp1257 1257"),
	CHARSET("windows-1258", "CP1258", SINGLE, "cp1258 windows1258 xcp1258 1258"),
	CHARSET("windows-874", "CP874", SINGLE, "dos874 iso885911 tis620 windows874 cp874 874 iso8859112001 "
	        "thai isoir166 tis6200 tis62025290 tis62025291"),
	CHARSET("iso-8859-2", "ISO-8859-2", SINGLE, "csisolatin2 iso88592 isoir101 iso885921987 l2 latin2 88592"),
	CHARSET("iso-8859-3", "ISO-8859-3", SINGLE, "csisolatin3 iso88593 isoir109 iso885931988 l3 latin3"),
	CHARSET("iso-8859-4", "ISO-8859-4", SINGLE, "csisolatin4 iso88594 isoir110 iso885941988 l4 latin4"),
	CHARSET("iso-8859-6", "ISO-8859-6", SINGLE,
	        "arabic asmo708 csiso88596e csiso88596i csisolatinarabic ecma114 iso88596 iso88596e iso88596i "
	        "isoir127 iso885961987"),
	CHARSET("iso-8859-7", "ISO-8859-7", SINGLE,
	        "csisolatingreek ecma118 elot928 greek greek8 iso88597 isoir126 iso885971987 suneugreek"),
	CHARSET("iso-8859-8", "ISO-8859-8", SINGLE,
	        "csiso88598e csisolatinhebrew hebrew iso88598 iso88598e isoir138 iso885981988 visual"),
	CHARSET("iso-8859-8-i", "ISO-8859-8", SINGLE, "csiso88598i iso88598i logical"),
	CHARSET("iso-8859-10", "ISO-8859-10", SINGLE, "csisolatin6 iso885910 isoir157 l6 latin6 iso8859101992"),
	CHARSET("iso-8859-13", "ISO-8859-13", SINGLE, "iso885913 l7 latin7"),
	CHARSET("iso-8859-14", "ISO-8859-14", SINGLE, "iso885914 l8 latin8 iso8859141998 isoceltic isoir199"),
	CHARSET("iso-8859-15", "ISO-8859-15", SINGLE, "csisolatin9 iso885915 l9 latin9 885915"),
	CHARSET("iso-8859-16", "ISO-8859-16", SINGLE, "iso885916 l10 latin10 iso8859162001 isoir226"),
	CHARSET("macintosh", "MACINTOSH", SINGLE, "csmacintosh mac macintosh xmacroman macroman"),
	CHARSET("gb18030", "GB18030", MULTI,
	        "gb18030 chinese csgb2312 csiso58gb231280 gb2312 gb231280 gbk isoir58 xgbk cp936 ms936 windows936 936 "
	        "euccn gb180302000 gb23121980 eucgb2312cn xeuccn xmacsimpchinese"),
	CHARSET("big5", "BIG5-HKSCS", MULTI, "big5 big5hkscs cnbig5 csbig5 xxbig5 big5tw cp950 windows950 950 "
	        "ms950 hkscs xmactradchinese"),
	CHARSET("euc-jp", "EUC-JP-MS", MULTI, "cseucpkdfmtjapanese eucjp xeucjp ujis eucjpms"),
	CHARSET("shift_jis", "CP932", MULTI,
	        "csshiftjis ms932 mskanji shiftjis sjis windows31j xsjis cp932 windows932 932 cswindows31j "
	        "xmacjapanese"),
	CHARSET("iso-2022-jp", "ISO-2022-JP", ESCAPE, "csiso2022jp iso2022jp jis"),
	CHARSET("iso-2022-jp-2", "ISO-2022-JP-2", ESCAPE, "iso2022jp1 iso2022jp2 iso2022jpext csiso2022jp2"),
	CHARSET("euc-kr", "UHC", MULTI,
	        "cseuckr csksc56011987 euckr isoir149 korean ksc56011987 ksc56011989 ksc5601 windows949 949 cp949 uhc "
	        "ms949 ksc560187 ksx1001 xmackorean"),
	/* Outside the standard, yet seen as labels. */
	CHARSET("iso-2022-jp-3", "ISO-2022-JP-3", ESCAPE, "iso2022jp3 iso2022jp2004"),
	CHARSET("iso-2022-kr", "ISO-2022-KR", ESCAPE, "csiso2022kr iso2022kr"),
	CHARSET("euc-jis-2004", "EUC-JISX0213", MULTI, "eucjis2004 eucjisx0213 jisx0213"),
	CHARSET("shift_jis-2004", "SHIFT_JISX0213", MULTI, "shiftjis2004 shiftjisx0213 sjis2004 sjisx0213"),
	CHARSET("johab", "JOHAB", MULTI, "johab cp1361 1361 ms1361"),
	CHARSET("ibm437", "IBM437", SINGLE, "437 cp437 ibm437 cspc8codepage437"),
	CHARSET("ibm737", "CP737", SINGLE, "737 cp737"),
	CHARSET("ibm775", "CP775", SINGLE, "775 cp775 cspc775baltic"),
	CHARSET("ibm850", "IBM850", SINGLE, "850 cp850 ibm850 cspc850multilingual"),
	CHARSET("ibm852", "IBM852", SINGLE, "852 cp852 ibm852 cspcp852"),
	CHARSET("ibm855", "IBM855", SINGLE, "855 cp855 ibm855 csibm855"),
	CHARSET("ibm856", "IBM856", SINGLE, "856 cp856 ibm856"),
	CHARSET("ibm857", "IBM857", SINGLE, "857 cp857 ibm857 csibm857"),
	CHARSET("ibm858", "CP858", SINGLE, "858 cp858 ibm858 ibm00858"),
	CHARSET("ibm860", "IBM860", SINGLE, "860 cp860 ibm860 csibm860"),
	CHARSET("ibm861", "IBM861", SINGLE, "861 cp861 ibm861 csibm861 cpis"),
	CHARSET("ibm862", "IBM862", SINGLE, "862 cp862 ibm862 cspc862latinhebrew"),
	CHARSET("ibm863", "IBM863", SINGLE, "863 cp863 ibm863 csibm863"),
	CHARSET("ibm864", "IBM864", SINGLE, "864 cp864 ibm864 csibm864"),
	CHARSET("ibm865", "IBM865", SINGLE, "865 cp865 ibm865 csibm865"),
	CHARSET("ibm869", "IBM869", SINGLE, "869 cp869 ibm869 csibm869 cpgr"),
	CHARSET("cp1125", "CP1125", SINGLE, "cp1125 1125 ibm1125 cp866u ruscii"),
	CHARSET("koi8-t", "KOI8-T", SINGLE, "koi8t"),
	CHARSET("pt154", "PT154", SINGLE, "pt154 ptcp154 csptcp154 cp154 cyrillicasian"),
	CHARSET("kz-1048", "RK1048", SINGLE, "kz1048 rk1048 strk10482002"),
	CHARSET("hp-roman8", "HP-ROMAN8", SINGLE, "hproman8 roman8 r8 cshproman8 cp1051 1051 ibm1051"),
	CHARSET("mac-centraleurope", "MAC-CENTRALEUROPE", SINGLE, "maccentraleurope maclatin2 maccenteuro xmacce"),
	CHARSET("ibm037", "IBM037", EBCDIC,
	        "cp037 ibm037 csibm037 037 ebcdiccpus ebcdiccpca ebcdiccpwt ebcdiccpnl ibm039 cp039"),
	CHARSET("ibm273", "IBM273", EBCDIC, "cp273 ibm273 csibm273 273"),
	CHARSET("ibm424", "IBM424", EBCDIC, "cp424 ibm424 csibm424 ebcdiccphe 424"),
	CHARSET("ibm500", "IBM500", EBCDIC, "cp500 ibm500 csibm500 500 ebcdiccpbe ebcdiccpch"),
	CHARSET("ibm875", "IBM875", EBCDIC, "cp875 875 ibm875"),
	CHARSET("ibm1026", "IBM1026", EBCDIC, "cp1026 ibm1026 csibm1026 1026"),
	CHARSET("ibm1140", "IBM1140", EBCDIC, "cp1140 ibm1140 1140"),
};
/* clang-format on */

static bool lists(const char *labels, const char *label, size_t len)
{
	const char *at = labels;

	while ((at = strstr(at, label)) != NULL) {
		if ((at == labels || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
			return true;
		at += len;
	}
	return false;
}

static const struct feed_charset *find_squeezed(const char *label)
{
	size_t len = strlen(label);

	for (size_t i = 0; len > 0 && i < sizeof(charsets) / sizeof(charsets[0]); i++) {
		if (lists(charsets[i].labels, label, len))
			return &charsets[i];
	}
	return NULL;
}

/* What people write in front of a code page's number: "win-1251", "microsoft-cp1251", "x-windows-1251". */
static const struct feed_charset *find_without_prefix(const char *label)
{
	static const char *const prefixes[] = {"microsoft", "windows", "charset", "mswin", "ansi", "win",
										   "ibm",       "dos",     "cp",      "cs",    "ms",   "x"};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t len = strlen(prefixes[i]);

		if (strncmp(label, prefixes[i], len) == 0) {
			const struct feed_charset *found = find_squeezed(label + len);

			return found != NULL ? found : find_without_prefix(label + len);
		}
	}
	return NULL;
}

const struct feed_charset *feed_charset_find(struct base_span label)
{
	const struct feed_charset *found;
	char squeezed[LONGEST_LABEL + 1];
	size_t len = 0;

	for (size_t i = 0; i < label.len; i++) {
		char c = label.ptr[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c + ('a' - 'A'));
		if ((c < 'a' || c > 'z') && (c < '0' || c > '9'))
			continue;
		if (len == LONGEST_LABEL)
			return NULL;
		squeezed[len++] = c;
	}
	squeezed[len] = '\0';
	found = find_squeezed(squeezed);
	return found != NULL ? found : find_without_prefix(squeezed);
}

enum base_result feed_charset_canonical(struct base_span label, const char **name)
{
	const struct feed_charset *charset = feed_charset_find(label);

	if (charset == NULL)
		return BASE_NOT_FOUND;
	*name = charset->name;
	return BASE_OK;
}
