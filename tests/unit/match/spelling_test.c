/* The many ways in which texts spell one thing, and those that look alike and are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "trial.h"

struct spelling {
	const char *term, *text;
	bool found;
};

static void check(const struct spelling *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (expression_fires(cases[i].term, cases[i].text) != cases[i].found)
			fail_msg("%s in \"%s\": expected %s", cases[i].term, cases[i].text, cases[i].found ? "yes" : "no");
}
#define CHECK(cases) check(cases, sizeof(cases) / sizeof((cases)[0]))

static void test_apostrophes(void **state)
{
	(void)state;
	static const struct spelling cases[] = {
	    {"об''єкт", "цей об'єкт", true},       {"об''єкт", "цей об\u2019єкт", true},
	    {"об''єкт", "цей об\u02bcєкт", true},  {"об''єкт", "цей об\u2018єкт", true},
	    {"об''єкт", "цей об`єкт", true},       {"об''єкт", "цей обєкт", true},
	    {"об\u2019єкт", "цей об'єкт", true},   {"обєкт", "ОБ\u02bcЄКТ", true},
	    {"об''єкт", "цей об єкт", false},      {"Ukraine", "Ukraine's tanks", true},
	    {"Ukraine", "Ukraine\u2019s tanks", true}, {"armée", "l'armée", true},
	    {"armée", "L\u2019ARMÉE", true},       {"Grady", "O'Grady", true},
	    {"O''Grady", "O\u2019Grady", true},    {"don''t", "they don\u2019t", true},
	    {"don''t", "they dont", false},
	};
	CHECK(cases);
}

static void test_hyphens_and_digits(void **state)
{
	(void)state;
	static const struct spelling cases[] = {
	    {"F-16", "an F-16 flew", true},          {"F-16", "an F16 flew", true},
	    {"F-16", "an F\u201116 flew", true},     {"F-16", "an F\u201016 flew", true},
	    {"F-16", "an F\u201316 flew", true},     {"F-16", "an F\u221216 flew", true},
	    {"F-16", "an F-\u00ad16 flew", true},    {"F-16", "an f-16", true},
	    {"F-16", "an F 16 flew", false},         {"F-16", "an F\u00a016 flew", false},
	    {"\"F 16\"", "an F\u00a016 flew", true}, {"F-16", "the F 16,000 paid", false},
	    {"F-16", "the F-16,000 paid", false},    {"\"F 16\"", "the F 16,000 paid", false},
	    {"\"F 16\"", "F 16\u00a0000", false},    {"F-16", "F-160", false},
	    {"F-16", "AF-16", false},                {"F-16", "F-16s landed", true},
	    {"S-300", "an S-300", true},             {"S-300", "the S 300 costs", false},
	    {"PAC-3", "PAC3 and PAC-2", true},       {"PAC-3", "PAC 3", true},
	    {"IRIS-T", "IRIS\u2011T", true},         {"IRIS-T", "Iris T", true},
	    {"\"Storm Shadow\"", "Storm-Shadow", true}, {"Storm-Shadow", "a storm shadow", true},
	    {"\"Storm Shadow\"", "storm, shadow", false}, {"SAMP/T", "the SAMP/T", true},
	    {"held", "hand-held launchers", false},  {"hand-held", "hand held", true},
	    {"HIMARS", "HIMARS-type", false},        {"16000", "16,000 rounds", true},
	    {"16000", "16 000 rounds", false},       {"16000", "16\u202f000 rounds", true},
	    {"1.5", "1,5 billion", true},
	};
	CHECK(cases);
}

static void test_cyrillic_designators(void **state)
{
	(void)state;
	static const struct spelling cases[] = {
	    {"С-300", "ЗРК С-300", true},     {"С-300", "ЗРК С300", true},     {"С-300", "ЗРК С\u2011300", true},
	    {"С-300", "ЗРК с-300", true},     {"С-300", "за С 300", false},    {"С-300", "ЗРК C-300", false}, /* Latin C */
	    {"C-300", "ЗРК C-300", true},     {"Х-59", "ракета Х-59", true},   {"Х-59", "ракета X-59", false},
	    {"Т-72", "танк Т\u201372", true}, {"МіГ-29", "МіГ\u201129", true}, {"МіГ-29", "МИГ-29", false},
	    {"\"МиГ 29\"", "миг-29", true},   {"Су-27", "Су27", true},         {"Ф-16", "Ф-16", true},
	};
	CHECK(cases);
}

static void test_invisible_and_combining(void **state)
{
	(void)state;
	static const struct spelling cases[] = {
	    {"Patriot", "Pat\u00adriot", true},            {"Patriot", "Pat\u200briot", true},
	    {"Patriot", "\ufeffPatriot", true},            {"Patriot", "\u202aPatriot\u202c", true},
	    {"\"air defence\"", "air\u00a0defence", true}, {"\"air defence\"", "air\u2009defence", true},
	    {"\"air defence\"", "air\ndefence", false},    {"Waffenlieferung", "Waf\u00adfen\u00adlieferung", true},
	    {"район", "раи\u0306он", true},                {"район", "раион", false},
	    {"ещё", "еще\u0308", true},                    {"поставка", "поста\u0301вка", true},
	    {"livré", "livre\u0301", true},                {"livré", "livre", false},
	    {"Größe", "GRÖSSE", true},                     {"wstrzyma\u0142", "WSTRZYMA\u0141", true},
	    {"броня", "БРОНЯ", true},                      {"\u0454вропа", "\u0404ВРОПА", true},
	    {"Ａｂｃ", "abc", true},
	};
	CHECK(cases);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_apostrophes),
	    cmocka_unit_test(test_hyphens_and_digits),
	    cmocka_unit_test(test_cyrillic_designators),
	    cmocka_unit_test(test_invisible_and_combining),
	};
	return cmocka_run_group_tests_name("spelling", tests, NULL, NULL);
}
